// Pacer: how long the driver gathers records before it cuts. At a low rate an epoch is cut as soon
// as a record is there; the faster they come, the longer it waits, because bigger epochs cost less
// per record: 1,000 records/s wait 0.2 ms, 100,000 wait 20 ms. A backlog never waits.
//
// Thread contract: one thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace millrace::engine {

class Pacer {
 public:
  Pacer(std::chrono::microseconds interval_min, std::chrono::microseconds interval_max)
      : min_ns_(interval_min.count() * 1000), max_ns_(interval_max.count() * 1000) {}

  // An epoch of `records` was cut at `now_ns`; `full`: by its size, more is waiting.
  void Note(int64_t now_ns, uint64_t records, bool full) {
    if (now_ns > last_cut_ns_) {  // a virtual clock may stand still
      const double seconds = static_cast<double>(now_ns - last_cut_ns_) / 1e9;
      const double share = 1 - std::exp(-seconds / kMemorySeconds);
      rate_ += share * (static_cast<double>(records) / seconds - rate_);
    }
    last_cut_ns_ = now_ns;
    full_ = full;
  }

  // The next cut comes no sooner than this.
  int64_t NotBefore() const {
    if (full_) return last_cut_ns_ + min_ns_;
    const auto wanted = static_cast<int64_t>(rate_ * kNsPerRate);
    return last_cut_ns_ + std::clamp(wanted, min_ns_, std::max(min_ns_, max_ns_));
  }
  double records_per_second() const { return rate_; }

 private:
  static constexpr double kMemorySeconds = 0.2;
  static constexpr double kNsPerRate = 200;  // nanoseconds of waiting per record per second

  int64_t min_ns_;
  int64_t max_ns_;
  int64_t last_cut_ns_ = 0;
  double rate_ = 0;
  bool full_ = false;
};

}  // namespace millrace::engine
