// Watermarks: how far event time has come (DESIGN invariant 9).
//
// Each partition's watermark is its greatest event time minus the topic's delay. The query's is the
// least over the partitions that are not idle, and never goes back. A partition is idle when it has
// been read to its end and was quiet for the idle time-out; the driver decides that once per epoch
// and writes it into the intent, so a replay decides the same.
//
// When all are idle the query's watermark is the greatest of theirs (as Flink's): nothing is on its
// way, so what is over for the furthest partition is over for the query. Records that come later
// and belong to a window that closed by this are late.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "flow/epoch.h"

namespace millrace::engine {

inline constexpr int64_t kNoWatermark = flow::Position::kNoWatermark;

// The query's watermark once its partitions stand at `positions`; never less than `previous`.
inline int64_t AdvanceWatermark(int64_t previous, std::span<const flow::Position> positions) {
  int64_t least = INT64_MAX;
  int64_t greatest = kNoWatermark;
  bool all_idle = true;
  for (const flow::Position& position : positions) {
    greatest = std::max(greatest, position.watermark_us);
    if (position.idle) continue;
    least = std::min(least, position.watermark_us);
    all_idle = false;
  }
  return std::max(previous, all_idle ? greatest : least);
}

// A partition's watermark after event times up to `event_time_max_us` were seen.
inline int64_t PartitionWatermark(int64_t previous, int64_t event_time_max_us, int64_t delay_us) {
  if (event_time_max_us == kNoWatermark) return previous;
  int64_t behind = 0;
  if (__builtin_sub_overflow(event_time_max_us, delay_us, &behind)) return previous;
  return std::max(previous, behind);
}

}  // namespace millrace::engine
