// StreamingQuery: runs a streaming plan for ever, exactly once, by epochs (DESIGN invariant 3).
//
//   MR_ASSIGN(auto query, StreamingQuery::Start(spec, world));   // recovers, then runs
//   query->Metrics();                                            // at any time
//   MR_TRY(query->Drain());                                      // commits what is under way, ends
//
// Life cycle: Start replays the stored intents that the state has not reached, with the same
// offsets, clock, watermark and look-up versions, then goes on with new epochs. An error that
// cannot be waited out ends the query: `running()` turns false and Failure() says why; a new Start
// recovers from what is stored.
//
// An epoch passes three threads' hands:
//   driver     waits for records, cuts, reads blocks, hands chunks to the workers, puts their
//              results into (partition, offset) order, closes windows;
//   workers    parse, evaluate, encode chunks; they share nothing but the compiled plan;
//   committer  waits for the intent's sync, commits the topics, last the store.
// While epoch N is with the committer the driver may be at N+1, never further: memory holds at most
// two epochs.
//
// Thread contract: every function from any thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/stream/metrics.h"
#include "engine/stream/spec.h"

namespace millrace::engine {

class StreamingQuery {
 public:
  // Errors: kInvalidArgument: the spec is incomplete or names an unknown source; kUnsupported: the
  // plan cannot run as a stream; kConflict: unflushed epochs belong to another definition (see
  // plan_change.h); kDamaged: intents are missing or lie beyond the log's end; what sources, sinks
  // and store answer.
  static Result<std::unique_ptr<StreamingQuery>> Start(QuerySpec spec, QueryWorld world);
  // Only re-runs what is stored, and returns when the store has it all. For a query that is about
  // to be changed.
  static Status Replay(QuerySpec spec, QueryWorld world);

  // Stops at the next epoch's end, as Drain(), but says nothing.
  virtual ~StreamingQuery() = default;

  // No new epoch is cut; those under way are committed. Returns the failure if there was one.
  virtual Status Drain() = 0;
  // Waits until everything that was readable at the call is committed. kTimeout; or the failure.
  virtual Status CatchUp(std::chrono::nanoseconds timeout) = 0;
  // Closes the windows that end at or before `at_least_us` as if all partitions had come that far,
  // and waits until that is committed: for a query that follows another one which already has.
  // Call it when everything was read, else what comes is late. kTimeout; or the failure.
  virtual Status RaiseWatermark(int64_t at_least_us, std::chrono::nanoseconds timeout) = 0;
  // The engine must look at idle partitions again, e.g. after a virtual clock was moved.
  virtual void Wake() = 0;

  virtual bool running() const = 0;
  // Why it ended by itself.
  virtual std::optional<Error> Failure() const = 0;
  virtual QueryMetrics Metrics() const = 0;
};

// Forgets progress, state and intents of a query (for a replay from the beginning, or when it left
// the project). The query must not be running. Rows already written stay.
Status DropQuery(const std::string& query, QueryWorld world);

}  // namespace millrace::engine
