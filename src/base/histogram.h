// Histogram: durations counted into fixed buckets, as Prometheus wants them: base unit seconds,
// bounds from half a millisecond to five minutes.
//
// Thread contract: every function from any thread; a snapshot taken beside Observe may have counted
// an observation in its sum and not yet in its bucket.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace millrace {

struct HistogramSnapshot {
  // Upper bounds, inclusive; what is greater than the last counts in one more bucket.
  static constexpr std::array<double, 17> kBounds = {
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};
  std::array<uint64_t, kBounds.size() + 1> counts = {};  // by bucket, not cumulative
  double sum_seconds = 0;

  uint64_t count() const;
};

class Histogram {
 public:
  // `count` observations of the same value; less than 0 counts as 0.
  void Observe(double seconds, uint64_t count = 1);
  HistogramSnapshot Snapshot() const;

 private:
  std::array<std::atomic<uint64_t>, HistogramSnapshot::kBounds.size() + 1> counts_ = {};
  std::atomic<double> sum_seconds_ = 0;
};

}  // namespace millrace
