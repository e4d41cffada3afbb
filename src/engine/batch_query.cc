#include "engine/batch_query.h"

#include "engine/batch_query_run.h"

namespace millrace::engine {

Result<BatchStats> RunBatch(const sql::Plan& plan, BatchSources& sources,
                            const BatchOptions& options, const BatchCallback& give) {
  BatchRun run(sources, options);
  BatchStats stats;
  bool enough = false;
  const Status ran = run.Run(plan, [&](data::Batch batch) -> Status {
    if (batch.rows == 0) return {};
    stats.rows_returned += batch.rows;
    enough = !give(batch);
    if (enough) return Fail(ErrorCode::kCancelled, "the caller has enough rows");
    return {};
  });
  if (!ran && !enough) return std::unexpected<Error>(ran.error());
  stats.rows_read = run.rows_read();
  return stats;
}

}  // namespace millrace::engine
