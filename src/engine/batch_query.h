// Batch queries: a plan run once over what its sources hold now, as `millrace query` does.
//
//   BatchOptions options{.memory_bytes_max = 256 << 20, .context = {.now_us = clock.NowUs()}};
//   MR_ASSIGN(BatchStats stats, RunBatch(*bound.plan, sources, options, [&](const Batch& batch) {
//     formatter->Add(batch, out); return true; }));
//
// Rows flow through the operators a batch at a time and nothing is kept, but for aggregates,
// DISTINCT, the build side of joins and ORDER BY, which live in memory: above the limit the query
// ends with kResourceExhausted, naming limit and operator. A row whose expression raises an error
// ends the query with kInvalidArgument, "[CONDITION] message", as Spark does.
//
// Thread contract: runs on the caller's thread; several queries may run at once.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/cancel.h"
#include "base/result.h"
#include "data/column.h"
#include "engine/kernel.h"
#include "sql/plan.h"

namespace millrace::engine {

// Rows of one relation, a batch at a time.
class BatchReader {
 public:
  virtual ~BatchReader() = default;
  // nullopt: no more rows.
  virtual Result<std::optional<data::Batch>> Next() = 0;
};

// What a scan wants of a relation.
struct ScanRequest {
  const sql::Relation& relation;
  // The columns to give, in this order and of these types: some of the relation's, structs perhaps
  // with fewer fields.
  const data::Schema& columns;
  // Conjuncts over `columns`. A source may leave out rows that fail them (a key range, say); the
  // engine applies all of them again.
  std::span<const sql::ExprPtr> filters;
};

// Who reads tables, topics and files: the caller's.
class BatchSources {
 public:
  virtual ~BatchSources() = default;
  virtual Result<std::unique_ptr<BatchReader>> Scan(const ScanRequest& request) = 0;
};

struct BatchOptions {
  size_t memory_bytes_max = size_t{256} << 20;
  const CancelToken* cancel = nullptr;  // looked at between batches; may be null
  EvalContext context;                  // now, session zone, seed
};

struct BatchStats {
  uint64_t rows_read = 0;
  uint64_t rows_returned = 0;
};

// Called for each batch of the result, never an empty one; returns false to end the query early.
using BatchCallback = std::function<bool(const data::Batch&)>;

// kUnsupported: a plan that only runs as a stream.
Result<BatchStats> RunBatch(const sql::Plan& plan, BatchSources& sources,
                            const BatchOptions& options, const BatchCallback& give);

}  // namespace millrace::engine
