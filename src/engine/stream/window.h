// WindowAggregate: GROUP BY window(event time, size[, slide]), keys over a stream, with state in
// the query's StateStore.
//
// A chunk is aggregated by itself on a worker (Partial), the partials are merged by the driver in
// (partition, offset) order, and at the end of the epoch the windows that the watermark has passed
// are closed: their rows come out and their state goes. State is keyed (operator, key group, key),
// where the key is window start and group key as row_key.h writes them and the key group is a hash
// of the group key alone; docs/formats/epoch.md has the bytes.
//
// Invariants
//   1. A row is late when every window it belongs to has ended at or before the watermark in force
//      at the epoch's start; a row that some window still takes is not late, and counts in those.
//   2. Open windows are held in memory whole, at most `state_entries_max` (window, key) pairs; the
//      store holds the same after each epoch's changes.
//   3. The result depends on rows and watermarks only, not on chunks or threads.
//
// Thread contract: Add from any thread with a Partial of its own; the rest from the driver.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "engine/stream/rows.h"
#include "engine/stream/spec.h"
#include "flow/state.h"
#include "sql/plan.h"

namespace millrace::engine {

class WindowPartial {
 public:
  virtual ~WindowPartial() = default;
};

// Of the one window operator that a plan may have.
inline constexpr uint32_t kWindowOperator = 1;
// Of the engine's own entries: the write time of the last rows it emitted.
inline constexpr uint32_t kEngineOperator = 0;

class WindowAggregate {
 public:
  // `node`: a kWindowAggregate that outlives the operator. kUnsupported: an aggregate or key that
  // has no state form.
  static Result<std::unique_ptr<WindowAggregate>> Make(const sql::Plan& node,
                                                       const StreamSettings& settings);
  virtual ~WindowAggregate() = default;

  // Reads the open windows back. Before anything else. kDamaged.
  virtual Status Restore(flow::StateStore& store, const std::string& query) = 0;

  // Late rows become refusals with stage "late".
  virtual Result<std::unique_ptr<WindowPartial>> NewPartial() const = 0;
  virtual Status Add(Rows rows, ChunkContext& context, int64_t watermark_us,
                     WindowPartial& partial) const = 0;

  // kResourceExhausted: more than `state_entries_max` entries.
  virtual Status Merge(WindowPartial& partial) = 0;

  // Ends the epoch with its final watermark: the rows of closed windows (and of changed ones, when
  // so set) ordered by window and key, and what changed in the state. Rows whose aggregates
  // overflow are in `errors`.
  struct Output {
    data::Batch rows;
    data::RowErrors errors{0};
    std::vector<flow::StateChange> state;
  };
  virtual Result<Output> EndEpoch(int64_t watermark_us) = 0;

  // The least end of the open windows; INT64_MAX when there is none. A watermark at or beyond it
  // closes something.
  virtual int64_t NextClose() const = 0;
  virtual size_t entries() const = 0;
};

}  // namespace millrace::engine
