// SyntaxParser: the one recursive-descent parser behind parser.h and ParseSchemaDdl. Its parts lie
// in token_cursor.cc (tokens, errors, recovery), value_parser.cc (operators and predicates),
// primary_parser.cc (literals, names, calls), special_forms.cc (CASE, CAST, EXTRACT, ...),
// query_parser.cc, from_parser.cc and ddl_parser.cc (types, schemas).
//
// After Fail() the parser is "lost": it sees no tokens but the end, so that every rule returns soon
// and no second error is reported, until Recover() finds the next place to go on from.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "sql/ast.h"
#include "sql/lexer.h"
#include "sql/literal.h"
#include "sql/parser.h"

namespace millrace::sql {

class SyntaxParser {
 public:
  explicit SyntaxParser(std::string_view text);

  ast::QueryPtr ParseStatement();
  ast::ExprPtr ParseOnlyExpression();
  data::Schema ParseSchema();
  std::vector<Diagnostic> TakeErrors() { return std::move(errors_); }

 private:
  // token_cursor.cc
  const Token& Peek(size_t ahead = 0) const;
  bool AtWord(std::string_view word, size_t ahead = 0) const;
  bool AtWords(std::initializer_list<std::string_view> words) const;
  bool AtSymbol(std::string_view symbol, size_t ahead = 0) const;
  bool AtName(size_t ahead = 0) const;
  bool AtQueryStart(size_t ahead = 0) const;
  bool AtClauseStart() const;
  void Advance();
  bool AcceptWord(std::string_view word);
  bool AcceptWords(std::initializer_list<std::string_view> words);
  bool AcceptSymbol(std::string_view symbol);
  bool ExpectWord(std::string_view word);
  bool ExpectSymbol(std::string_view symbol);
  std::string ExpectName(std::string_view what);
  std::string ExpectString(std::string_view what);
  void ExpectEnd();
  void Fail(std::string_view expected);
  void Refuse(Location where, std::string_view condition, std::string message,
              std::string suggestion);
  void RefuseLiteral(Location where, const Error& error);
  // Goes on behind an error at the next comma (when `at_comma`) or clause of the parentheses that
  // were open at token `started`.
  void Recover(size_t started, bool at_comma);
  bool Enter();  // false, with an error: nested too deeply
  void Leave() { --nesting_; }
  std::string_view TextOf(size_t first_token) const;

  // value_parser.cc
  ast::ExprPtr ParseExpression();
  ast::ExprPtr ParseNary(ast::Kind kind);
  ast::ExprPtr ParseNot();
  ast::ExprPtr ParsePredicated();
  ast::ExprPtr ParsePredicate(ast::ExprPtr operand);
  ast::ExprPtr ParseIn(ast::ExprPtr operand, bool negated);
  ast::ExprPtr ParseLike(ast::ExprPtr operand, bool negated, std::string_view name);
  ast::ExprPtr ParseIs(ast::ExprPtr operand);
  ast::ExprPtr ParseValue(int precedence_min);
  ast::ExprPtr ParseUnary();
  ast::ExprPtr MakeNode(ast::Kind kind, Location where, std::vector<ast::ExprPtr> args);
  ast::ExprPtr MakeCall(std::string_view name, Location where, std::vector<ast::ExprPtr> args);
  template <typename... Args>
  ast::ExprPtr CallOf(std::string_view name, Location where, Args... args) {
    std::vector<ast::ExprPtr> list;
    (list.push_back(std::move(args)), ...);
    return MakeCall(name, where, std::move(list));
  }
  ast::ExprPtr MakeNot(ast::ExprPtr operand, bool negated);
  ast::ExprPtr MakeLiteralNode(Location where, const data::DataType& type, data::Value value);
  ast::ExprPtr Bad(Location where);

  // primary_parser.cc
  ast::ExprPtr ParsePostfix(ast::ExprPtr base);
  ast::ExprPtr ParsePrimary();
  ast::ExprPtr ParseNumber(bool negative);
  ast::ExprPtr ParseIntegralNumber(const Token& token, bool negative);
  ast::ExprPtr ParseFractionalNumber(const Token& token, bool negative);
  ast::ExprPtr ParseStringLiteral();
  ast::ExprPtr ParseTypedLiteral();
  ast::ExprPtr ParseHexLiteral(Location where, const std::string& digits);
  ast::ExprPtr ParseParenthesized();
  ast::ExprPtr ParseNameOrCall();
  ast::ExprPtr ParseCall();
  ast::ExprPtr ParseCallTail(ast::ExprPtr call);
  ast::ExprPtr ParseArgument();
  bool AtLambda() const;
  bool AtReservedWord() const;
  ast::ExprPtr ParseLambda();
  ast::ExprPtr ParseStar(std::vector<std::string> qualifier);

  // special_forms.cc
  ast::ExprPtr ParseSpecialForm();
  ast::ExprPtr ParseCase();
  ast::ExprPtr ParseCast();
  ast::ExprPtr ParseExtract();
  ast::ExprPtr ParseSubstring();
  ast::ExprPtr ParseTrim();
  ast::ExprPtr ParsePosition();
  ast::ExprPtr ParseOverlay();
  ast::ExprPtr ParseStruct();
  ast::ExprPtr ParseUnitCall();
  ast::ExprPtr ParseInterval();
  ast::ExprPtr IntervalLiteral(Location where, const Result<IntervalValue>& value);

  // query_parser.cc
  ast::QueryPtr ParseQueryBody();
  void ParseWith(ast::Query& query);
  void ParseTerms(ast::Query& query);
  ast::Term ParseTerm();
  std::unique_ptr<ast::Select> ParseSelect();
  void ParseSelectItems(ast::Select& select);
  ast::SelectItem ParseSelectItem();
  void ParseSelectClauses(ast::Select& select);
  void ParseGroupBy(ast::Select& select);
  std::vector<std::vector<ast::ExprPtr>> ParseValuesRows();
  void ParseTail(ast::Query& query);
  void ParseOrderBy(ast::Query& query);
  std::vector<std::string> ParseNameList();

  // from_parser.cc
  void ParseFrom(ast::Select& select);
  ast::Source ParseSource();
  void ParseNamedSource(ast::Source& source);
  void ParseSourceTail(ast::Source& source);
  void ParseWatermark(ast::Source& source);
  bool ParseJoin(ast::Select& select);
  bool RefuseJoinKind();
  void ParseLateralView(ast::Select& select);
  std::vector<std::string> ParseQualifiedName(std::string_view what);
  bool AtAlias() const;

  // ddl_parser.cc
  data::DataType ParseType();
  data::DataType ParseNestedType(std::string_view name);
  data::DataType ParseDecimalType();
  data::DataType ParseIntervalType();
  std::vector<data::Field> ParseFields(bool in_struct);
  int ParseSmallNumber(std::string_view what, int max);

  std::vector<Token> tokens_;
  std::vector<uint32_t> open_parens_;  // before each token
  std::string_view text_;
  size_t at_ = 0;
  bool lost_ = false;
  int nesting_ = 0;
  std::vector<Diagnostic> errors_;
};

}  // namespace millrace::sql
