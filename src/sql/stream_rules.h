// What a query that runs continuously may not do, each with the reason: rows without end cannot be
// sorted, limited or kept distinct, and an aggregate needs a window and a watermark that closes it.
#pragma once

#include "sql/expr_builder.h"
#include "sql/plan.h"

namespace millrace::sql {

// Reports every breach in `plan` (as bound, before it is optimised) to the builder's diagnostics.
void CheckStreamRules(const Plan& plan, ExprBuilder& builder);

}  // namespace millrace::sql
