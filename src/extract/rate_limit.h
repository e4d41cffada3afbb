// HostLimits: one token bucket a host, shared by every task of the process that calls it.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/cancel.h"
#include "base/result.h"
#include "io/clock.h"

namespace millrace::extract {

// Sleeps on the clock. kCancelled when the token ends it (which may be nullptr).
Status WaitFor(io::Clock& clock, CancelToken* cancel, std::chrono::nanoseconds duration,
               std::string_view what);

// Thread contract: every function from any thread.
class HostLimits {
 public:
  explicit HostLimits(io::Clock& clock) : clock_(clock) {}

  // Takes one token of the host's bucket, waiting for it. `rate` is the refill per second (0: no
  // wait), `burst` the bucket's size; a bucket follows the last caller's figures. Waiters are
  // served in the order they came.
  Status Acquire(const std::string& host, double rate, int64_t burst, CancelToken* cancel);
  // No token is given before `delay` from now: the host asked for it (429, 503).
  void Pause(const std::string& host, std::chrono::nanoseconds delay);

 private:
  struct Bucket {
    double tokens = 0;  // below 0: promised to waiters
    int64_t filled_ns = 0;
    int64_t paused_until_ns = 0;
  };
  void Forget(int64_t now_ns);  // mutex_ held: drops full buckets when there are many

  io::Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace millrace::extract
