// Ways to take typed expressions apart and put them together again, for the optimiser and the rules
// that look through projections.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "sql/expr.h"

namespace millrace::sql {

// `expr` with every column i replaced by `columns[i]`: what stood over a projection's output, over
// its input.
ExprPtr Substituted(const ExprPtr& expr, std::span<const ExprPtr> columns);
// One more than the largest ordinal of a column in `expr`; 0 without columns.
size_t ColumnCount(const Expr& expr);
// Nodes of the tree, shared ones as often as they occur, counted up to `limit`.
size_t NodeCount(const Expr& expr, size_t limit);
// How often each of `count` columns occurs.
std::vector<size_t> ColumnUses(std::span<const ExprPtr> exprs, size_t count);
// Whether no row can make it fail, and it is cheap: columns, fields, literals, comparisons, null
// tests, and AND, OR, NOT, IN of them.
bool CannotFail(const Expr& expr);

}  // namespace millrace::sql
