// Optimiser: the same rows by less work. Its rules, in this order:
//   1. predicates move down through projections, next to the scan (pushdown.cc);
//   2. projections above projections become one (pushdown.cc);
//   3. columns and struct fields that nothing uses are not read (pruning.cc);
//   4. predicates on a scan that cannot fail are offered to its reader (pushed_filters).
// Constants are folded by the engine when it compiles a plan: only it knows how functions compute.
//
// What a row that is filtered out, or a column that is dropped, would have raised is not raised;
// all rows and errors of the remaining ones stay the same.
#pragma once

#include "sql/plan.h"

namespace millrace::sql {

PlanPtr Optimize(PlanPtr plan);

// The rules one by one, for tests.
PlanPtr PushDown(const PlanPtr& plan);
PlanPtr PruneColumns(const PlanPtr& plan);
PlanPtr OfferFilters(const PlanPtr& plan);

}  // namespace millrace::sql
