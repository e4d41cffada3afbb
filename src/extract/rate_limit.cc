#include "extract/rate_limit.h"

#include <algorithm>
#include <condition_variable>
#include <optional>

namespace millrace::extract {
namespace {
constexpr size_t kBucketsMax = 1024;
}  // namespace

Status WaitFor(io::Clock& clock, CancelToken* cancel, std::chrono::nanoseconds duration,
               std::string_view what) {
  std::mutex mutex;
  std::condition_variable wake;
  std::optional<CancelToken::Watch> watch;
  const int64_t end_ns = clock.MonotonicNs() + duration.count();
  if (cancel != nullptr)
    watch.emplace(*cancel, [&] {
      std::lock_guard lock(mutex);
      wake.notify_all();
    });
  std::unique_lock lock(mutex);
  for (;;) {
    if (cancel != nullptr) MR_TRY(cancel->Check(what));
    const int64_t left_ns = end_ns - clock.MonotonicNs();
    if (left_ns <= 0) return {};
    clock.WaitFor(wake, lock, std::chrono::nanoseconds(left_ns));
  }
}

Status HostLimits::Acquire(const std::string& host, double rate, int64_t burst,
                           CancelToken* cancel) {
  int64_t wait_ns = 0;
  {
    std::lock_guard lock(mutex_);
    const int64_t now_ns = clock_.MonotonicNs();
    if (buckets_.size() >= kBucketsMax) Forget(now_ns);
    auto [at, made] = buckets_.try_emplace(host);
    Bucket& bucket = at->second;
    const auto full = static_cast<double>(std::max<int64_t>(burst, 1));
    if (made) bucket = {full, now_ns, 0};
    if (rate > 0) {
      const double refill = static_cast<double>(now_ns - bucket.filled_ns) * 1e-9 * rate;
      bucket.tokens = std::min(full, bucket.tokens + refill) - 1;
      if (bucket.tokens < 0) wait_ns = static_cast<int64_t>(-bucket.tokens / rate * 1e9);
    }
    bucket.filled_ns = now_ns;
    wait_ns = std::max(wait_ns, bucket.paused_until_ns - now_ns);
  }
  if (wait_ns <= 0) return {};
  return WaitFor(clock_, cancel, std::chrono::nanoseconds(wait_ns), "waiting for the rate limit");
}

void HostLimits::Pause(const std::string& host, std::chrono::nanoseconds delay) {
  std::lock_guard lock(mutex_);
  const int64_t now_ns = clock_.MonotonicNs();
  auto [at, made] = buckets_.try_emplace(host);
  if (made) at->second.filled_ns = now_ns;
  at->second.paused_until_ns = std::max(at->second.paused_until_ns, now_ns + delay.count());
}

void HostLimits::Forget(int64_t now_ns) {
  constexpr int64_t kQuietNs = 3'600'000'000'000;
  const auto idle_for = [&](int64_t quiet_ns) {
    return [=](const auto& entry) {
      const Bucket& bucket = entry.second;
      return bucket.tokens >= 0 && bucket.paused_until_ns <= now_ns &&
             now_ns - bucket.filled_ns >= quiet_ns;
    };
  };
  std::erase_if(buckets_, idle_for(kQuietNs));
  if (buckets_.size() >= kBucketsMax) std::erase_if(buckets_, idle_for(0));
}

}  // namespace millrace::extract
