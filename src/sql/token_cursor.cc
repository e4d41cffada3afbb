#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "sql/syntax_parser.h"

namespace millrace::sql {
namespace {

constexpr size_t kSyntaxErrorsMax = 20;

std::vector<uint32_t> OpenParens(const std::vector<Token>& tokens) {
  std::vector<uint32_t> open;
  uint32_t depth = 0;
  for (const Token& token : tokens) {
    const bool symbol = token.kind == TokenKind::kSymbol;
    if (symbol && (token.text == ")" || token.text == "]") && depth > 0) --depth;
    open.push_back(depth);
    if (symbol && (token.text == "(" || token.text == "[")) ++depth;
  }
  return open;
}

std::string Shown(const Token& token) {
  constexpr size_t kShownBytesMax = 40;
  if (token.kind == TokenKind::kEnd) return "the end of the text";
  std::string text = token.text;
  if (text.size() > kShownBytesMax) text = text.substr(0, kShownBytesMax) + "...";
  return fmt::format("'{}'", text);
}

}  // namespace

SyntaxParser::SyntaxParser(std::string_view text) : text_(text) {
  LexedText lexed = Lex(text);
  tokens_ = std::move(lexed.tokens);
  errors_ = std::move(lexed.errors);
  open_parens_ = OpenParens(tokens_);
}

const Token& SyntaxParser::Peek(size_t ahead) const {
  return lost_ ? tokens_.back() : tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
}

bool SyntaxParser::AtWord(std::string_view word, size_t ahead) const {
  const Token& token = Peek(ahead);
  return token.kind == TokenKind::kWord && data::EqualsIgnoringCase(token.text, word);
}

bool SyntaxParser::AtWords(std::initializer_list<std::string_view> words) const {
  size_t ahead = 0;
  return std::ranges::all_of(words, [&](std::string_view word) { return AtWord(word, ahead++); });
}

bool SyntaxParser::AtSymbol(std::string_view symbol, size_t ahead) const {
  const Token& token = Peek(ahead);
  return token.kind == TokenKind::kSymbol && token.text == symbol;
}

bool SyntaxParser::AtName(size_t ahead) const {
  const TokenKind kind = Peek(ahead).kind;
  return kind == TokenKind::kWord || kind == TokenKind::kQuotedWord;
}

bool SyntaxParser::AtQueryStart(size_t ahead) const {
  return AtWord("SELECT", ahead) || AtWord("WITH", ahead) ||
         (AtWord("VALUES", ahead) && AtSymbol("(", ahead + 1));
}

// Words that may also be names (offset, window, sort, ...) start a clause only before what such a
// clause goes on with.
bool SyntaxParser::AtClauseStart() const {
  static constexpr std::array<std::string_view, 7> kClauses = {
      "FROM", "WHERE", "HAVING", "UNION", "EXCEPT", "INTERSECT", "MINUS"};
  static constexpr std::array<std::string_view, 5> kWithBy = {"GROUP", "ORDER", "SORT", "CLUSTER",
                                                              "DISTRIBUTE"};
  const auto at = [&](std::string_view word) { return AtWord(word); };
  if (std::ranges::any_of(kClauses, at)) return true;
  if (AtWord("BY", 1)) return std::ranges::any_of(kWithBy, at);
  if (AtWord("WINDOW")) return AtName(1) && AtWord("AS", 2);
  const bool counted = Peek(1).kind == TokenKind::kNumber || AtSymbol("(", 1) || AtSymbol("-", 1) ||
                       AtWord("ALL", 1);
  return counted && (AtWord("LIMIT") || AtWord("OFFSET"));
}

void SyntaxParser::Advance() {
  if (!lost_ && at_ + 1 < tokens_.size()) ++at_;
}

bool SyntaxParser::AcceptWord(std::string_view word) {
  if (!AtWord(word)) return false;
  Advance();
  return true;
}

bool SyntaxParser::AcceptWords(std::initializer_list<std::string_view> words) {
  if (!AtWords(words)) return false;
  for (size_t i = 0; i < words.size(); ++i) Advance();
  return true;
}

bool SyntaxParser::AcceptSymbol(std::string_view symbol) {
  if (!AtSymbol(symbol)) return false;
  Advance();
  return true;
}

bool SyntaxParser::ExpectWord(std::string_view word) {
  if (AcceptWord(word)) return true;
  Fail(word);
  return false;
}

bool SyntaxParser::ExpectSymbol(std::string_view symbol) {
  if (AcceptSymbol(symbol)) return true;
  Fail(fmt::format("'{}'", symbol));
  return false;
}

std::string SyntaxParser::ExpectName(std::string_view what) {
  if (!AtName()) {
    Fail(what);
    return {};
  }
  std::string name = Peek().text;
  Advance();
  return name;
}

std::string SyntaxParser::ExpectString(std::string_view what) {
  if (Peek().kind != TokenKind::kString) {
    Fail(what);
    return {};
  }
  std::string value = Peek().text;
  Advance();
  return value;
}

void SyntaxParser::ExpectEnd() {
  while (AcceptSymbol(";")) {
  }
  // After an error, what is left may only seem too much.
  if (errors_.empty() && Peek().kind != TokenKind::kEnd) Fail("the end of the query");
}

void SyntaxParser::Fail(std::string_view expected) {
  if (lost_) return;
  const Token& token = Peek();
  // What the lexer has complained of is not reported twice.
  if (token.kind != TokenKind::kBad && errors_.size() < kSyntaxErrorsMax) {
    errors_.push_back({token.where,
                       "PARSE_SYNTAX_ERROR",
                       fmt::format("syntax error at {}: expected {}", Shown(token), expected),
                       {}});
  }
  lost_ = true;
}

void SyntaxParser::Refuse(Location where, std::string_view condition, std::string message,
                          std::string suggestion) {
  if (lost_) return;
  if (errors_.size() < kSyntaxErrorsMax) {
    errors_.push_back({where, std::string(condition), std::move(message), std::move(suggestion)});
  }
  lost_ = true;
}

void SyntaxParser::RefuseLiteral(Location where, const Error& error) {
  Refuse(where, "INVALID_TYPED_LITERAL", error.message, error.hint);
}

void SyntaxParser::Recover(size_t started, bool at_comma) {
  if (!lost_) return;
  lost_ = false;
  const uint32_t open = open_parens_[started];
  for (; Peek().kind != TokenKind::kEnd; ++at_) {
    if (open_parens_[at_] < open) return;
    if (open_parens_[at_] > open) continue;
    if (AtSymbol(";") || AtClauseStart()) return;
    if (at_comma && AtSymbol(",")) return;
  }
}

bool SyntaxParser::Enter() {
  ++nesting_;
  if (nesting_ <= kNestingMax) return true;
  Refuse(Peek().where, "PARSE_SYNTAX_ERROR",
         fmt::format("more than {} levels of nesting", kNestingMax),
         "name inner parts with WITH, or in a SELECT list of a subquery");
  return false;
}

std::string_view SyntaxParser::TextOf(size_t first_token) const {
  const uint32_t begin = tokens_[first_token].begin;
  const uint32_t end = at_ > first_token ? tokens_[at_ - 1].end : begin;
  return text_.substr(begin, end - begin);
}

}  // namespace millrace::sql
