#include "sql/expr_tree.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "sql/function.h"

namespace millrace::sql {
namespace {

void CountUses(const Expr& expr, std::vector<size_t>& uses) {
  if (expr.kind == ExprKind::kColumn) ++uses[static_cast<size_t>(expr.ordinal)];
  for (const ExprPtr& arg : expr.args) CountUses(*arg, uses);
}

bool NeverFails(const FunctionDef& function) {
  static constexpr std::array<std::string_view, 11> kSafe = {
      "=", "<=>", "<>", "<", "<=", ">", ">=", "not", "isnull", "isnotnull", "isnan"};
  return std::ranges::find(kSafe, function.name) != kSafe.end();
}

// Whether the cast gives every number a place in a wider type.
bool Widens(const Expr& cast) {
  const data::DataType& from = cast.args[0]->type;
  const bool wider = cast.type.is_integral() && cast.type.kind() >= from.kind();
  return from.is_integral() && (wider || cast.type.kind() == data::TypeKind::kDouble);
}

}  // namespace

ExprPtr Substituted(const ExprPtr& expr, std::span<const ExprPtr> columns) {
  if (expr->kind == ExprKind::kColumn) return columns[static_cast<size_t>(expr->ordinal)];
  if (expr->args.empty()) return expr;
  auto copy = std::make_shared<Expr>(*expr);
  for (ExprPtr& arg : copy->args) arg = Substituted(arg, columns);
  return copy;
}

size_t ColumnCount(const Expr& expr) {
  size_t count = expr.kind == ExprKind::kColumn ? static_cast<size_t>(expr.ordinal) + 1 : 0;
  for (const ExprPtr& arg : expr.args) count = std::max(count, ColumnCount(*arg));
  return count;
}

size_t NodeCount(const Expr& expr, size_t limit) {
  size_t count = 1;
  for (const ExprPtr& arg : expr.args) {
    if (count >= limit) return limit;
    count += NodeCount(*arg, limit - count);
  }
  return count;
}

std::vector<size_t> ColumnUses(std::span<const ExprPtr> exprs, size_t count) {
  std::vector<size_t> uses(count);
  for (const ExprPtr& expr : exprs) CountUses(*expr, uses);
  return uses;
}

bool CannotFail(const Expr& expr) {
  if (expr.kind == ExprKind::kCast) return Widens(expr) && CannotFail(*expr.args[0]);
  switch (expr.kind) {
    case ExprKind::kLiteral:
    case ExprKind::kColumn:
      return true;
    case ExprKind::kCall:
      if (!NeverFails(*expr.function)) return false;
      break;
    case ExprKind::kField:
    case ExprKind::kAnd:
    case ExprKind::kOr:
    case ExprKind::kIn:
    case ExprKind::kCase:
    case ExprKind::kCoalesce:
      break;
    default:
      return false;
  }
  return std::ranges::all_of(expr.args, [](const ExprPtr& arg) { return CannotFail(*arg); });
}

}  // namespace millrace::sql
