// Lexer: CQL text into tokens. Comments (-- // to the end of the line, /* */) and white space are
// skipped.
//
// Thread contract: none; a Lexer belongs to one parse. It never fails: what is no token becomes one
// of kind kBad, whose text says why.
#pragma once

#include <string>
#include <string_view>

#include "cql/grammar/place.h"

namespace millrace::cql {

enum class TokenKind {
  kWord,        // unquoted identifier or keyword; text is in lower case
  kQuotedName,  // "Name"; text without quotes
  kString,      // 'text' or $$text$$; text without quotes
  kNumber,      // 12, 0.01, 1e-3
  kSymbol,      // one of ( ) { } [ ] < > , ; : . = - + * ?
  kBad,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  Place place;

  bool IsWord(std::string_view word) const { return kind == TokenKind::kWord && text == word; }
  bool IsSymbol(char symbol) const { return kind == TokenKind::kSymbol && text[0] == symbol; }
  // As errors show it: "'itn'", "the end of the text".
  std::string Shown() const;
};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  Token Next();

 private:
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  void Advance();
  // False: a comment that does not end.
  bool SkipBlanks();
  bool SkipBlockComment();
  void TakeQuoted(char quote, TokenKind kind, Token& token);
  void TakeDollarString(Token& token);
  void TakeNumber(Token& token);
  void TakeBad(Token& token);

  std::string_view text_;
  size_t at_ = 0;
  Place place_;
};

}  // namespace millrace::cql
