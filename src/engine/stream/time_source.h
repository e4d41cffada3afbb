// TimeSource: the clock as a streaming query sees it. The engine does not include io (DESIGN
// section 2); src/connect puts io::Clock behind this, tests a virtual one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/ids.h"

namespace millrace::engine {

class TimeSource {
 public:
  virtual ~TimeSource() = default;
  // Wall-clock time; may jump. Becomes now() of an epoch.
  virtual TimestampUs Now() = 0;
  // Never goes back; for idleness, pacing and durations.
  virtual int64_t MonotonicNs() = 0;
  // Waits on `wake` (whose mutex `lock` holds) until notified or until `timeout` has passed.
  virtual void WaitFor(std::condition_variable& wake, std::unique_lock<std::mutex>& lock,
                       std::chrono::nanoseconds timeout) = 0;
};

}  // namespace millrace::engine
