// What the log tells of itself.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/histogram.h"

namespace millrace::log {

struct LogMetrics {
  uint64_t appended_bytes = 0;     // of batches, since the start
  HistogramSnapshot sync_seconds;  // of segment files, by group commit
};

// Counted by every partition.
struct LogCounters {
  std::atomic<uint64_t> appended_bytes = 0;
  Histogram sync_seconds;

  LogMetrics Snapshot() const { return {appended_bytes.load(), sync_seconds.Snapshot()}; }
};

}  // namespace millrace::log
