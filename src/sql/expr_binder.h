// ExprBinder: syntax trees of expressions to typed expressions, against a scope. What an expression
// may contain besides columns and calls depends on where it stands; ExprPlace says so.
//
// Aggregates and time windows are no expressions of one row: Bind() puts a placeholder column in
// their stead (ordinals from kAggregateBase and kWindowBase), which aggregate_binder.h resolves.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sql/ast.h"
#include "sql/expr_builder.h"
#include "sql/plan.h"
#include "sql/scope.h"

namespace millrace::sql {

inline constexpr int kAggregateBase = 1 << 24;
inline constexpr int kWindowBase = 1 << 25;

// A window(...) call of a query's GROUP BY.
struct WindowCall {
  ExprPtr time;
  int64_t size_us = 0;
  int64_t slide_us = 0;
  int64_t offset_us = 0;
};

// Aggregates and windows met in one SELECT, each once.
struct AggregateUses {
  std::vector<AggregateCall> aggregates;
  std::vector<uint64_t> fingerprints;  // of aggregates
  std::vector<WindowCall> windows;
};

// An alias of an earlier SELECT item.
struct ItemAlias {
  ExprPtr expr;            // null: its binding failed, which was reported
  bool ambiguous = false;  // several items have it
};
using ItemAliases = std::map<std::string, ItemAlias>;  // by lower-case name

struct ExprPlace {
  std::string_view what;          // for messages: "WHERE", "the SELECT list"
  AggregateUses* uses = nullptr;  // null: aggregates and windows are refused here
  bool windows = false;           // window() may stand here
  bool columns_refused = false;   // VALUES, LIMIT: names mean nothing
  // Aliases of earlier SELECT items; null where there are none.
  const ItemAliases* aliases = nullptr;
};

// Whether the function of this lower-case name makes rows.
bool IsGenerator(std::string_view name);

class ExprBinder {
 public:
  ExprBinder(ExprBuilder& builder, const Scope& scope, const ExprPlace& place)
      : builder_(builder), scope_(scope), place_(place) {}

  // Null when an error was reported.
  ExprPtr Bind(const ast::Expr& node);

 private:
  // expr_binder.cc: names and forms
  ExprPtr BindName(const ast::Expr& node);
  ExprPtr BindAlias(const ItemAlias& alias, const ast::Expr& node);
  ExprPtr BindUnresolvedName(const ast::Expr& node);
  ExprPtr BindFields(ExprPtr base, std::span<const std::string> names, Location where);
  ExprPtr BindField(ExprPtr base, const std::string& name, Location where);
  ExprPtr BindArrayField(ExprPtr base, const std::string& name, Location where);
  ExprPtr BindIndex(const ast::Expr& node);
  ExprPtr BindCase(const ast::Expr& node);
  ExprPtr BindBetween(const ast::Expr& node);
  ExprPtr BindIn(const ast::Expr& node);
  ExprPtr BindLikeMany(const ast::Expr& node);
  std::vector<ExprPtr> BindAll(const std::vector<ast::ExprPtr>& nodes);
  ExprPtr Negated(ExprPtr expr, bool negated, Location where);
  const ExprPtr* FindVariable(std::string_view name) const;

  // call_binder.cc
  ExprPtr BindCall(const ast::Expr& node);
  ExprPtr BindConditional(const ast::Expr& node, bool& handled);
  ExprPtr BindDecode(const ast::Expr& node);
  ExprPtr BindTypeCall(const ast::Expr& node, const data::DataType& type);
  ExprPtr BindFunction(const FunctionDef& function, const ast::Expr& node);
  std::vector<ExprPtr> BindArguments(const FunctionDef& function, const ast::Expr& node);
  ExprPtr BindLambda(const ast::Expr& node, std::span<const data::DataType> types);
  bool RefuseModifiers(const ast::Expr& node);
  ExprPtr BindAggregate(const FunctionDef& function, const ast::Expr& node);
  bool FillAggregate(const FunctionDef& function, const ast::Expr& node, AggregateCall& call);
  bool FillPercentage(AggregateCall& call, Location where);
  ExprPtr AddAggregate(AggregateCall call, bool nullable, Location where);
  ExprPtr BindWindow(const ast::Expr& node);
  std::optional<int64_t> BindDuration(const ast::Expr& node);

  ExprBuilder& builder_;
  const Scope& scope_;
  ExprPlace place_;
  std::vector<std::pair<std::string, ExprPtr>> variables_;  // of enclosing lambdas
  bool in_aggregate_ = false;
};

// Whether the expression holds a placeholder of an aggregate or window.
bool HasAggregate(const Expr& expr);
// The type of a window: STRUCT<start: TIMESTAMP, end: TIMESTAMP>.
data::DataType WindowType();

}  // namespace millrace::sql
