#include "base/histogram.h"

#include <algorithm>
#include <numeric>

namespace millrace {

uint64_t HistogramSnapshot::count() const {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

void Histogram::Observe(double seconds, uint64_t count) {
  seconds = std::max(seconds, 0.0);
  const auto& bounds = HistogramSnapshot::kBounds;
  const auto bucket =
      static_cast<size_t>(std::lower_bound(bounds.begin(), bounds.end(), seconds) - bounds.begin());
  counts_[bucket].fetch_add(count, std::memory_order_relaxed);
  sum_seconds_.fetch_add(seconds * static_cast<double>(count), std::memory_order_relaxed);
}

HistogramSnapshot Histogram::Snapshot() const {
  HistogramSnapshot snapshot;
  for (size_t i = 0; i < counts_.size(); ++i)
    snapshot.counts[i] = counts_[i].load(std::memory_order_relaxed);
  snapshot.sum_seconds = sum_seconds_.load(std::memory_order_relaxed);
  return snapshot;
}

}  // namespace millrace
