// QueryMetrics: what a running query tells of itself; a snapshot, consistent in itself.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "base/ids.h"
#include "flow/epoch.h"

namespace millrace::engine {

struct PartitionMetrics {
  flow::TopicPartition at;
  Offset next;              // committed: first offset not yet in the tables
  Offset end;               // of what can be read
  int64_t lag_records = 0;  // end - next
  double lag_seconds = 0;   // since `next` first lagged behind, 0 when caught up
  int64_t watermark_us = flow::Position::kNoWatermark;
  bool idle = false;
};

struct QueryMetrics {
  std::string query;
  uint64_t records_in = 0;  // records of committed epochs since the start
  uint64_t skipped = 0;     // replayed records meant for other queries, not counted as in
  uint64_t bytes_in = 0;    // their keys and values
  uint64_t rows_out = 0;    // rows of the result, before fan-out to tables
  uint64_t rejected = 0;    // dead letters, without late ones
  uint64_t late = 0;
  uint64_t epochs = 0;    // committed since the start
  uint64_t replayed = 0;  // of those, re-run at start
  EpochId epoch;          // newest committed
  int64_t watermark_us = flow::Position::kNoWatermark;
  uint64_t state_entries = 0;
  double busy_ratio = 0;  // share of time with an epoch under way, over the last seconds
  // Milliseconds of recent epochs, from the cut to the store's commit.
  double epoch_p50_ms = 0;
  double epoch_p99_ms = 0;
  double commit_p50_ms = 0;          // the committer's part of it
  HistogramSnapshot epoch_seconds;   // from the cut to the store's commit
  HistogramSnapshot commit_seconds;  // the committer's part of it
  // From a record's append to the log until its rows can be read; the oldest record of a chunk
  // stands for all of it. Without epochs re-run at the start.
  HistogramSnapshot append_to_row_seconds;
  std::vector<PartitionMetrics> partitions;
};

}  // namespace millrace::engine
