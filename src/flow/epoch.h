// Epoch: one cut of a query's source offsets, and the unit of its exactly-once (DESIGN invariant
// 3). The intent is stored before anything is processed; re-running it gives the same output, byte
// for byte.
//
// The stored form of EpochIntent is docs/formats/epoch.md; its version is the first byte.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "flow/types.h"

namespace millrace::flow {

// Where a query stands in one partition.
struct Position {
  TopicPartition at;
  Offset next;  // first offset not yet read
  // Write time of the last row given out from this partition, microseconds; the next row's is
  // greater (invariant 5: write time = max(previous + 1, LogAppendTime in microseconds)).
  int64_t last_write_us = 0;
  // Event-time watermark of this partition, microseconds; kNoWatermark before the first event time
  // is seen.
  int64_t watermark_us = kNoWatermark;
  bool idle = false;
  static constexpr int64_t kNoWatermark = INT64_MIN;
  friend bool operator==(const Position&, const Position&) = default;
};

struct EpochIntent {
  std::string query;
  EpochId epoch;
  uint64_t plan_hash = 0;  // of the plan it must be re-run with
  TimestampUs now;         // what now() and current_date() mean in this epoch
  uint64_t seed = 0;
  int64_t watermark_us = Position::kNoWatermark;  // the query's, in force during the epoch
  // Reads [start.next, end) of each partition; `start` carries write times and watermarks as the
  // epoch found them.
  struct Range {
    Position start;
    Offset end;
    friend bool operator==(const Range&, const Range&) = default;
  };
  std::vector<Range> ranges;
  // Which content each looked-up reference had: a replay must see the same one.
  struct LookupVersion {
    std::string relation;
    uint64_t version = 0;
    friend bool operator==(const LookupVersion&, const LookupVersion&) = default;
  };
  std::vector<LookupVersion> lookups = {};
  friend bool operator==(const EpochIntent&, const EpochIntent&) = default;
};

std::string EncodeIntent(const EpochIntent& intent);
// kDamaged when the bytes are not an intent of a known version.
Result<EpochIntent> DecodeIntent(std::string_view bytes);

// What a query's state has reached: stored in the same RocksDB write as the state and the rows.
struct Progress {
  EpochId epoch;  // 0: nothing yet
  uint64_t plan_hash = 0;
  int64_t watermark_us = Position::kNoWatermark;
  std::vector<Position> positions;
  friend bool operator==(const Progress&, const Progress&) = default;
};

std::string EncodeProgress(const Progress& progress);
Result<Progress> DecodeProgress(std::string_view bytes);

}  // namespace millrace::flow
