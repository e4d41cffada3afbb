// Evaluator: a list of bound expressions compiled together, so that common subexpressions are
// computed once a batch.
//
//   MR_ASSIGN(auto evaluator, Evaluator::Make(plan.expressions));
//   evaluator->Evaluate(batch, RowSet::All(batch.rows), context, errors, columns);
//
// Thread contract: Make once, Evaluate from any thread (all scratch is local to the call).
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "data/column.h"
#include "data/row_errors.h"
#include "data/row_set.h"
#include "engine/kernel.h"
#include "sql/expr.h"

namespace millrace::engine {

class Evaluator {
 public:
  virtual ~Evaluator() = default;

  // kInvalidArgument: a literal that a kernel cannot work with, with the SQL's line and column in
  // the message.
  static Result<std::unique_ptr<Evaluator>> Make(std::span<const sql::ExprPtr> expressions);

  // Evaluates every expression for `rows` of `input`; results have the batch's length. Rows that
  // raise are noted in `errors` (rows that have an error already are skipped).
  virtual std::vector<data::ColumnPtr> Evaluate(const data::Batch& input, const data::RowSet& rows,
                                                const EvalContext& context,
                                                data::RowErrors& errors) const = 0;
};

// The rows of `rows` for which `condition` (a BOOLEAN column) is true: not false, not NULL.
std::vector<uint32_t> SelectTrue(const data::Column& condition, const data::RowSet& rows);

}  // namespace millrace::engine
