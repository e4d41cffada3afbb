// Parser: SQL text to a syntax tree (ast.h), by Spark SQL 4.1's grammar.
//
//   ParsedQuery parsed = ParseQuery("SELECT upper(name) AS n FROM STREAM(users)");
//   if (!parsed.errors.empty()) ...  // each with line, column and what was expected
//
// After an error parsing goes on with the next SELECT item or clause, so that one run finds several
// mistakes. Text, tokens and nesting are bounded (lexer.h, kNestingMax, kTreeDepthMax); what
// exceeds them, and what the grammar has but Millrace has not, is refused by name.
#pragma once

#include <string_view>
#include <vector>

#include "sql/ast.h"

namespace millrace::sql {

// Parentheses, calls and queries inside one another.
inline constexpr int kNestingMax = 128;
// Of a tree: a + b + c + ... grows to the left with every operator.
inline constexpr int kTreeDepthMax = 400;

struct ParsedQuery {
  ast::QueryPtr query;
  std::vector<Diagnostic> errors;  // when there are any, the tree must not be bound
};
ParsedQuery ParseQuery(std::string_view text);

struct ParsedExpression {
  ast::ExprPtr expr;
  std::vector<Diagnostic> errors;
};
ParsedExpression ParseExpression(std::string_view text);

}  // namespace millrace::sql
