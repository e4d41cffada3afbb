// The syntax tree: what the parser read, before any name has a meaning. Every node knows its place
// in the text.
//
// Invariants
//   1. Depth of a tree is bounded (parser.h), so walking it recursively is safe.
//   2. Nodes are never shared: a tree is as large as the text it came from.
//   3. After a syntax error a tree may hold kBad nodes; it is then never bound.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/type.h"
#include "data/value.h"
#include "sql/source_text.h"

namespace millrace::sql::ast {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;
struct Query;
using QueryPtr = std::unique_ptr<Query>;

enum class Kind : uint8_t {
  kBad,       // a syntax error stood here
  kLiteral,   // `literal` of `type`
  kName,      // `parts`: column, alias.column, column.field...
  kStar,      // `parts`.* without the columns `except`
  kCall,      // function or operator `name` of args
  kField,     // args[0].name
  kIndex,     // args[0][args[1]]
  kCast,      // args[0] to `type`; `flag`: TRY_CAST
  kAnd,       // n-ary
  kOr,        // n-ary
  kCase,      // [operand if `flag`], when, then, when, then, ..., [else]
  kIn,        // args[0] IN (args[1..]); `negated`
  kBetween,   // args[0] BETWEEN args[1] AND args[2]; `negated`
  kLikeMany,  // args[0] `name` ANY (args[1..]); `flag`: ALL; `negated`
  kLambda,    // parameters in `parts`, body in args[0]
};

struct Expr {
  Kind kind = Kind::kBad;
  Location where;
  int depth = 1;
  std::string name;
  std::vector<std::string> parts;
  std::vector<std::string> except;
  data::DataType type;
  data::Value literal;
  std::vector<ExprPtr> args;
  ExprPtr filter;  // FILTER (WHERE ...)
  bool flag = false;
  bool negated = false;
  bool distinct = false;      // f(DISTINCT ...)
  bool ignore_nulls = false;  // f(...) IGNORE NULLS
};

// An expression of a SELECT list; several aliases where it gives several columns: AS (k, v).
struct SelectItem {
  ExprPtr expr;
  std::vector<std::string> aliases;
};

struct OrderItem {
  ExprPtr expr;
  bool ascending = true;
  bool nulls_first = true;
};

// WATERMARK expression [AS alias] DELAY OF INTERVAL ...
struct Watermark {
  ExprPtr expr;
  std::string alias;
  int64_t delay_us = 0;
};

// What stands in FROM: a named source, a query in parentheses or VALUES.
struct Source {
  Location where;
  std::vector<std::string> name;  // empty: a query
  bool stream = false;            // STREAM(name) or STREAM name
  QueryPtr query;
  std::unique_ptr<Watermark> watermark;
  std::string alias;
  std::vector<std::string> column_aliases;
};

struct Join {
  Location where;
  bool left = false;  // LEFT [OUTER]; else INNER
  Source right;
  ExprPtr on;
  std::vector<std::string> using_columns;
};

// LATERAL VIEW [OUTER] generator(...) alias [AS columns]
struct LateralView {
  Location where;
  bool outer = false;
  ExprPtr generator;
  std::string alias;
  std::vector<std::string> column_aliases;
};

struct Select {
  bool distinct = false;
  std::vector<SelectItem> items;
  bool has_from = false;
  Source from;
  std::vector<Join> joins;
  std::vector<LateralView> lateral_views;
  ExprPtr where;
  std::vector<ExprPtr> group_by;
  ExprPtr having;
};

// One operand of UNION: a SELECT, VALUES or a query in parentheses (exactly one is set).
struct Term {
  Location where;
  std::unique_ptr<Select> select;
  std::vector<std::vector<ExprPtr>> values;
  QueryPtr nested;
};

struct CommonTable {
  Location where;
  std::string name;
  std::vector<std::string> column_aliases;
  QueryPtr query;
};

struct Query {
  Location where;
  std::vector<CommonTable> with;
  std::vector<Term> terms;            // joined by UNION
  std::vector<bool> distinct_before;  // for each term but the first: UNION [DISTINCT], not ALL
  std::vector<OrderItem> order_by;
  ExprPtr limit;
  ExprPtr offset;
};

// The name Spark gives an unnamed SELECT item, e.g. "upper(name)", "(a + 1)", "count(1)".
std::string DisplayName(const Expr& expr);

}  // namespace millrace::sql::ast
