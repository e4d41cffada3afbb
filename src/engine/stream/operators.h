// The operators a row passes one after the other between scan and sink: filter, project, generate,
// lookup.
//
// An operator takes a batch of rows and hands the rows it makes to `next`, once or, when they grow
// many, in several parts in row order. Rows whose expressions raise an error become refusals with
// stage "expression"; the others go on. Operators are compiled once and keep nothing between calls.
//
// Thread contract: Apply from any thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/evaluator.h"
#include "engine/stream/rows.h"
#include "sql/plan.h"

namespace millrace::engine {

using NextOperator = std::function<Status(Rows rows)>;

class Operator {
 public:
  virtual ~Operator() = default;
  // A failure is the query's end: the environment's or our own, never a row's.
  virtual Status Apply(Rows rows, ChunkContext& context, const NextOperator& next) const = 0;
};
using OperatorPtr = std::shared_ptr<const Operator>;

Result<OperatorPtr> MakeFilter(const sql::Plan& node);
// Rows that all of `predicates` hold for; the predicates are over `schema`.
Result<OperatorPtr> MakeFilter(std::vector<sql::ExprPtr> predicates);
Result<OperatorPtr> MakeProject(const sql::Plan& node);
Result<OperatorPtr> MakeGenerate(const sql::Plan& node);
// `lookup`: which of ChunkContext::lookups it uses.
Result<OperatorPtr> MakeLookup(const sql::Plan& node, size_t lookup);

// A batch does not grow beyond this many rows in one operator; what is more goes on in parts.
inline constexpr size_t kRowsPerPart = 16384;

// Passes `rows` through `operators` from number `first` on, then to `last`.
Status RunOperators(std::span<const OperatorPtr> operators, size_t first, Rows rows,
                    ChunkContext& context, const NextOperator& last);

}  // namespace millrace::engine
