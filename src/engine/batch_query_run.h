// BatchRun: one run of a batch query: each plan node hands the batches it makes to a sink. Inside
// the engine's batch queries only.
//
// Invariants
//   1. A sink that has enough rows answers with kCancelled and sets the flag of whoever made it;
//   everything below ends at once.
//   2. What nodes keep is counted in `held_bytes`, which stays below the limit.
//
// Thread contract: one thread.
#pragma once

#include <functional>
#include <string_view>

#include "engine/batch_query.h"
#include "engine/stream/operators.h"

namespace millrace::engine {

using BatchSink = std::function<Status(data::Batch batch)>;

// Rows that nodes hand on at once, when the number is theirs to choose.
inline constexpr size_t kBatchRows = 4096;

class BatchRun {
 public:
  BatchRun(BatchSources& sources, const BatchOptions& options)
      : sources_(sources), options_(options) {}

  // All rows of `node`, in its order.
  Status Run(const sql::Plan& node, const BatchSink& sink);

  const EvalContext& context() const { return options_.context; }
  uint64_t rows_read() const { return rows_read_; }

  // Counts a node's memory anew: `before` of its bytes are already counted. kResourceExhausted
  // names the operator and the limit.
  Status Hold(size_t before, size_t now, std::string_view operator_name);
  // kInvalidArgument of the first error.
  static Status Refuse(const data::RowErrors& errors);

 private:
  Status Scan(const sql::Plan& node, const BatchSink& sink);
  Status Values(const sql::Plan& node, const BatchSink& sink);
  Status Limit(const sql::Plan& node, const BatchSink& sink);
  Status Distinct(const sql::Plan& node, const BatchSink& sink);
  Status Sort(const sql::Plan& node, const BatchSink& sink);
  Status Lookup(const sql::Plan& node, const BatchSink& sink);
  // Runs the input through an operator that the streams use too.
  Status Through(const sql::Plan& input, const OperatorPtr& op,
                 std::span<const LookupTablePtr> lookups, const BatchSink& sink);
  Status Apply(const OperatorPtr& op, std::span<const LookupTablePtr> lookups, data::Batch batch,
               const BatchSink& sink);
  Result<LookupTablePtr> Build(const sql::Plan& node);

  BatchSources& sources_;
  const BatchOptions& options_;
  uint64_t rows_read_ = 0;
  int64_t rows_seen_ = 0;  // places for rand()
  size_t held_bytes_ = 0;
};

// kAggregate and kWindowAggregate.
Status RunAggregate(BatchRun& run, const sql::Plan& node, const BatchSink& sink);

// Rows `rows` of every column.
data::Batch TakeRows(const data::Batch& batch, std::span<const uint32_t> rows);
// All rows of batches of one schema.
data::Batch ConcatBatches(const std::shared_ptr<const data::Schema>& schema,
                          std::span<const data::Batch> batches);
size_t BytesOf(const data::Batch& batch);

}  // namespace millrace::engine
