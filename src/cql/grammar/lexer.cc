#include "cql/grammar/lexer.h"

#include <fmt/format.h>

namespace millrace::cql {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWordPart(char c) { return IsLetter(c) || IsDigit(c) || c == '_'; }
bool IsContinuationByte(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::string Token::Shown() const {
  switch (kind) {
    case TokenKind::kEnd:
      return "the end of the text";
    case TokenKind::kBad:
      return text;
    case TokenKind::kQuotedName:
      return fmt::format("\"{}\"", text);
    case TokenKind::kString:
      return text.size() > 40 ? "a text" : fmt::format("the text '{}'", text);
    default:
      return fmt::format("'{}'", text);
  }
}

void Lexer::Advance() {
  const char c = text_[at_++];
  if (c == '\n') {
    ++place_.line;
    place_.column = 1;
  } else if (!IsContinuationByte(c)) {
    ++place_.column;
  }
}

bool Lexer::SkipBlockComment() {
  Advance();
  Advance();
  while (at_ < text_.size()) {
    if (Peek() == '*' && Peek(1) == '/') {
      Advance();
      Advance();
      return true;
    }
    Advance();
  }
  return false;
}

bool Lexer::SkipBlanks() {
  while (at_ < text_.size()) {
    const char c = Peek();
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\f') {
      Advance();
    } else if ((c == '-' && Peek(1) == '-') || (c == '/' && Peek(1) == '/')) {
      while (at_ < text_.size() && Peek() != '\n') Advance();
    } else if (c == '/' && Peek(1) == '*') {
      if (!SkipBlockComment()) return false;
    } else {
      break;
    }
  }
  return true;
}

void Lexer::TakeQuoted(char quote, TokenKind kind, Token& token) {
  Advance();
  while (at_ < text_.size()) {
    const char c = Peek();
    if (c == quote && Peek(1) != quote) {
      Advance();
      token.kind = kind;
      return;
    }
    if (c == quote) Advance();
    token.text.push_back(c);
    Advance();
  }
  token.kind = TokenKind::kBad;
  token.text = quote == '"' ? "a \"name\" whose closing quote is missing"
                            : "a 'text' whose closing quote is missing";
}

void Lexer::TakeDollarString(Token& token) {
  Advance();
  Advance();
  while (at_ < text_.size()) {
    if (Peek() == '$' && Peek(1) == '$') {
      Advance();
      Advance();
      token.kind = TokenKind::kString;
      return;
    }
    token.text.push_back(Peek());
    Advance();
  }
  token.kind = TokenKind::kBad;
  token.text = "a $$text$$ whose closing $$ is missing";
}

void Lexer::TakeNumber(Token& token) {
  token.kind = TokenKind::kNumber;
  while (IsWordPart(Peek()) || Peek() == '.' ||
         ((Peek() == '-' || Peek() == '+') && !token.text.empty() &&
          Lower(token.text.back()) == 'e')) {
    token.text.push_back(Peek());
    Advance();
  }
}

void Lexer::TakeBad(Token& token) {
  std::string shown;
  do {
    shown.push_back(Peek());
    Advance();
  } while (at_ < text_.size() && IsContinuationByte(Peek()));
  const auto first = static_cast<unsigned char>(shown[0]);
  token.kind = TokenKind::kBad;
  token.text = first < 0x20 || first == 0x7f ? fmt::format("the control character 0x{:02x}", first)
                                             : fmt::format("the character '{}'", shown);
}

Token Lexer::Next() {
  Token token;
  token.place = place_;
  const Place before = place_;
  if (!SkipBlanks()) {
    token.place = before;
    token.kind = TokenKind::kBad;
    token.text = "a /* comment whose */ is missing";
    return token;
  }
  token.place = place_;
  if (at_ >= text_.size()) return token;
  const char c = Peek();
  if (IsLetter(c)) {
    token.kind = TokenKind::kWord;
    while (IsWordPart(Peek())) {
      token.text.push_back(Lower(Peek()));
      Advance();
    }
  } else if (IsDigit(c)) {
    TakeNumber(token);
  } else if (c == '\'') {
    TakeQuoted('\'', TokenKind::kString, token);
  } else if (c == '"') {
    TakeQuoted('"', TokenKind::kQuotedName, token);
  } else if (c == '$' && Peek(1) == '$') {
    TakeDollarString(token);
  } else if (std::string_view("(){}[]<>,;:.=-+*?").find(c) != std::string_view::npos) {
    token.kind = TokenKind::kSymbol;
    token.text = std::string(1, c);
    Advance();
  } else {
    TakeBad(token);
  }
  return token;
}

}  // namespace millrace::cql
