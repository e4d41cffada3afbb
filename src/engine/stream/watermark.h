// Watermarks: how far event time has come (DESIGN invariant 9).
//
// Each partition's watermark is its greatest event time minus the topic's delay. The query's is the
// least over the partitions that are not idle, and never goes back. A partition is idle when it has
// been read to its end and was quiet for the idle time-out; the driver decides that once per epoch
// and writes it into the intent, so a replay decides the same.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "flow/epoch.h"

namespace millrace::engine {

inline constexpr int64_t kNoWatermark = flow::Position::kNoWatermark;

// The query's watermark once its partitions stand at `positions`; never less than `previous`. All
// idle: unchanged.
inline int64_t AdvanceWatermark(int64_t previous, std::span<const flow::Position> positions) {
  int64_t least = INT64_MAX;
  bool any = false;
  for (const flow::Position& position : positions) {
    if (position.idle) continue;
    least = std::min(least, position.watermark_us);
    any = true;
  }
  return any ? std::max(previous, least) : previous;
}

// A partition's watermark after event times up to `event_time_max_us` were seen.
inline int64_t PartitionWatermark(int64_t previous, int64_t event_time_max_us, int64_t delay_us) {
  if (event_time_max_us == kNoWatermark) return previous;
  int64_t behind = 0;
  if (__builtin_sub_overflow(event_time_max_us, delay_us, &behind)) return previous;
  return std::max(previous, behind);
}

}  // namespace millrace::engine
