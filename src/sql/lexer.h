// Lexer: SQL text to tokens, by Spark SQL 4.1's lexical rules
// (https://spark.apache.org/docs/latest/sql-ref-literals.html and sql-ref-identifier.html).
//
//   LexedText lexed = Lex("SELECT 'a' AS x");   // SELECT, 'a', AS, x, end
//
// Any bytes are accepted: what is no SQL becomes an error with its place, and lexing goes on behind
// it. Text over kTextBytesMax or with more than kTokensMax tokens is refused as a whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sql/source_text.h"

namespace millrace::sql {

inline constexpr size_t kTextBytesMax = size_t{1} << 20;
inline constexpr size_t kTokensMax = size_t{1} << 16;

enum class TokenKind : uint8_t {
  kEnd,
  kWord,        // identifier or keyword, as written
  kQuotedWord,  // `identifier`, never a keyword; text is without the quotes
  kString,      // text is decoded (escapes, doubled quotes)
  kNumber,      // digits, fraction, exponent; `suffix` holds L, S, Y, F, D or BD in upper case
  kSymbol,      // operator or punctuation
  kBad,         // an error was reported here
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  std::string suffix;  // of numbers
  Location where;
  uint32_t begin = 0;  // byte offsets in the text, end excluded
  uint32_t end = 0;
};

struct LexedText {
  std::vector<Token> tokens;  // the last one is kEnd
  std::vector<Diagnostic> errors;
};

LexedText Lex(std::string_view text);

}  // namespace millrace::sql
