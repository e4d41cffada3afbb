#include "sql/lexer.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

namespace millrace::sql {
namespace {

constexpr size_t kLexicalErrorsMax = 20;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
// Letters of any script: bytes of multi-byte UTF-8 sequences count as letters.
bool IsWordStart(char c) {
  const auto u = static_cast<unsigned char>(c);
  return std::isalpha(u) || c == '_' || u >= 0x80;
}
bool IsWordPart(char c) { return IsWordStart(c) || IsDigit(c); }
char Upper(char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); }

void AppendUtf8(uint32_t code, std::string& out) {
  if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) code = 0xFFFD;
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

// Reads `digits` digits of `base` at text[at]; -1 when there are not so many.
int64_t ReadDigits(std::string_view text, size_t at, size_t digits, int base) {
  if (at + digits > text.size()) return -1;
  int64_t value = 0;
  for (size_t i = at; i < at + digits; ++i) {
    const char c = Upper(text[i]);
    const int digit = IsDigit(c) ? c - '0' : (c >= 'A' && c <= 'F' ? c - 'A' + 10 : base);
    if (digit >= base) return -1;
    value = value * base + digit;
  }
  return value;
}

// Decodes the escape after the backslash at text[at - 1]; returns how many bytes it took.
size_t DecodeEscape(std::string_view text, size_t at, std::string& out) {
  const char c = text[at];
  if (c == 'u' || c == 'U') {
    const size_t digits = c == 'u' ? 4 : 8;
    if (const int64_t code = ReadDigits(text, at + 1, digits, 16); code >= 0) {
      AppendUtf8(static_cast<uint32_t>(code), out);
      return digits + 1;
    }
  }
  if (c == '0' || c == '1') {
    if (const int64_t code = ReadDigits(text, at, 3, 8); code >= 0) {
      AppendUtf8(static_cast<uint32_t>(code), out);
      return 3;
    }
  }
  static constexpr std::string_view kFrom = "0bnrtZ";
  static constexpr std::string_view kTo("\0\b\n\r\t\x1A", 6);
  if (c == '%' || c == '_') out += '\\';  // kept for LIKE
  const size_t found = kFrom.find(c);
  out += found == std::string_view::npos ? c : kTo[found];
  return 1;
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  LexedText Run() && {
    if (text_.size() > kTextBytesMax) {
      Report(Here(), "the text is larger than 1 MiB", "split it into several queries");
      at_ = text_.size();
    }
    while (SkipBlanks()) {
      if (out_.tokens.size() >= kTokensMax) {
        Report(Here(), fmt::format("more than {} words and symbols", kTokensMax),
               "split it into several queries");
        break;
      }
      Next();
      if (out_.errors.size() >= kLexicalErrorsMax) break;
    }
    at_ = text_.size();
    Begin();
    Finish(TokenKind::kEnd, {});
    return std::move(out_);
  }

 private:
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  // The place of byte at_; columns count code points, so continuation bytes do not.
  Location Here() {
    for (; counted_ < at_; ++counted_) {
      if (text_[counted_] == '\n') {
        ++location_.line;
        location_.column = 1;
      } else if ((static_cast<unsigned char>(text_[counted_]) & 0xC0) != 0x80) {
        ++location_.column;
      }
    }
    return location_;
  }

  void Report(Location where, std::string message, std::string suggestion) {
    out_.errors.push_back({where, "PARSE_SYNTAX_ERROR", std::move(message), std::move(suggestion)});
  }

  // Skips blanks and comments; false at the end.
  bool SkipBlanks() {
    while (at_ < text_.size()) {
      const char c = Peek();
      if (std::isspace(static_cast<unsigned char>(c))) {
        ++at_;
      } else if (c == '-' && Peek(1) == '-') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (c == '/' && Peek(1) == '*') {
        SkipBracketedComment();
      } else {
        return true;
      }
    }
    return false;
  }

  void SkipBracketedComment() {
    const Location where = Here();
    if (Peek(2) == '+') {
      Report(where, "hints (/*+ ... */) have no effect here", "remove the hint");
    }
    int depth = 0;
    while (at_ < text_.size()) {
      if (Peek() == '/' && Peek(1) == '*') {
        ++depth;
        at_ += 2;
      } else if (Peek() == '*' && Peek(1) == '/') {
        at_ += 2;
        if (--depth == 0) return;
      } else {
        ++at_;
      }
    }
    Report(where, "the comment is not closed", "close it with */");
  }

  void Begin() {
    token_ = Token{};
    token_.where = Here();
    token_.begin = static_cast<uint32_t>(at_);
  }
  void Finish(TokenKind kind, std::string text) {
    token_.kind = kind;
    token_.text = std::move(text);
    token_.end = static_cast<uint32_t>(at_);
    out_.tokens.push_back(std::move(token_));
  }

  void Next() {
    Begin();
    const char c = Peek();
    if (c == '\'' || c == '"') return QuotedString();
    if ((c == 'r' || c == 'R') && (Peek(1) == '\'' || Peek(1) == '"')) return RawString();
    if (c == '`') return QuotedWord();
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)) && !AfterName())) return Number();
    if (IsWordStart(c)) return Word();
    Symbol();
  }

  // Whether the token before touches this place and is a name, so that ".1" is no number: t.1a
  bool AfterName() const {
    if (out_.tokens.empty()) return false;
    const Token& last = out_.tokens.back();
    return last.end == at_ &&
           (last.kind == TokenKind::kWord || last.kind == TokenKind::kQuotedWord);
  }

  void Unclosed(std::string_view what, char quote) {
    Report(token_.where, fmt::format("the {} is not closed", what),
           fmt::format("close it with {}", quote));
    at_ = text_.size();
    Finish(TokenKind::kBad, {});
  }

  void QuotedString() {
    const char quote = Peek();
    std::string value;
    for (++at_; at_ < text_.size();) {
      const char c = Peek();
      if (c == quote && Peek(1) == quote) {
        value += quote;
        at_ += 2;
      } else if (c == quote) {
        ++at_;
        return Finish(TokenKind::kString, std::move(value));
      } else if (c == '\\' && at_ + 1 < text_.size()) {
        at_ += 1 + DecodeEscape(text_, at_ + 1, value);
      } else {
        value += c;
        ++at_;
      }
    }
    Unclosed("string", quote);
  }

  void RawString() {
    const char quote = Peek(1);
    const size_t close = text_.find(quote, at_ + 2);
    if (close == std::string_view::npos) return Unclosed("string", quote);
    std::string value(text_.substr(at_ + 2, close - at_ - 2));
    at_ = close + 1;
    Finish(TokenKind::kString, std::move(value));
  }

  void QuotedWord() {
    std::string value;
    for (++at_; at_ < text_.size();) {
      if (Peek() == '`' && Peek(1) == '`') {
        value += '`';
        at_ += 2;
      } else if (Peek() == '`') {
        ++at_;
        if (value.empty()) Report(token_.where, "a name is empty", "write it between the quotes");
        return Finish(TokenKind::kQuotedWord, std::move(value));
      } else {
        value += text_[at_++];
      }
    }
    Unclosed("quoted name", '`');
  }

  void Word() {
    const size_t begin = at_;
    while (at_ < text_.size() && IsWordPart(text_[at_])) ++at_;
    Finish(TokenKind::kWord, std::string(text_.substr(begin, at_ - begin)));
  }

  void Digits() {
    while (IsDigit(Peek())) ++at_;
  }

  void Number() {
    const size_t begin = at_;
    Digits();
    if (Peek() == '.') {
      ++at_;
      Digits();
    }
    const size_t sign = Upper(Peek()) == 'E' && (Peek(1) == '+' || Peek(1) == '-') ? 1 : 0;
    if (Upper(Peek()) == 'E' && IsDigit(Peek(1 + sign))) {
      at_ += 1 + sign;
      Digits();
    }
    const std::string_view number = text_.substr(begin, at_ - begin);
    const size_t suffix_begin = at_;
    while (at_ < text_.size() && IsWordPart(text_[at_])) ++at_;
    std::string suffix(text_.substr(suffix_begin, at_ - suffix_begin));
    std::ranges::transform(suffix, suffix.begin(), Upper);
    static constexpr std::array<std::string_view, 7> kSuffixes = {"",  "L", "S", "Y",
                                                                  "F", "D", "BD"};
    if (std::ranges::find(kSuffixes, suffix) != kSuffixes.end()) {
      token_.suffix = std::move(suffix);
      return Finish(TokenKind::kNumber, std::string(number));
    }
    const std::string_view all = text_.substr(begin, at_ - begin);
    // Names may begin with digits: 2nd_name.
    if (std::ranges::all_of(all, IsWordPart)) return Finish(TokenKind::kWord, std::string(all));
    Report(token_.where, fmt::format("{} is no number", all), "put a blank behind the number");
    Finish(TokenKind::kBad, {});
  }

  void Symbol() {
    static constexpr std::array<std::string_view, 37> kSymbols = {
        ">>>", "<=>", "<=", ">=", "<>", "!=", "==", "||", "->", "=>", "::", "<<", ">>",
        "(",   ")",   "[",  "]",  ",",  ".",  "+",  "-",  "*",  "/",  "%",  "=",  "<",
        ">",   "&",   "|",  "^",  "~",  "!",  ":",  ";",  "?",  "{",  "}"};
    for (const std::string_view symbol : kSymbols) {
      if (text_.substr(at_).starts_with(symbol)) {
        at_ += symbol.size();
        return Finish(TokenKind::kSymbol, std::string(symbol));
      }
    }
    Report(token_.where,
           fmt::format("the character '{}' (code {}) has no meaning in SQL",
                       std::isprint(static_cast<unsigned char>(Peek())) ? Peek() : '?',
                       static_cast<unsigned char>(Peek())),
           "remove it, or put it into quotes");
    ++at_;
    Finish(TokenKind::kBad, {});
  }

  std::string_view text_;
  size_t at_ = 0;
  size_t counted_ = 0;
  Location location_;
  Token token_;
  LexedText out_;
};

}  // namespace

LexedText Lex(std::string_view text) { return Lexer(text).Run(); }

}  // namespace millrace::sql
