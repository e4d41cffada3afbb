#include "base/histogram.h"

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(Histogram, CountsIntoBucketsWithInclusiveBounds) {
  Histogram histogram;
  histogram.Observe(0.0005);    // the first bound itself
  histogram.Observe(0.000501);  // just above
  histogram.Observe(-1);        // as 0
  histogram.Observe(300, 2);    // the last bound
  histogram.Observe(1e9);       // above all
  const HistogramSnapshot snapshot = histogram.Snapshot();
  EXPECT_EQ(snapshot.counts.front(), 2u);
  EXPECT_EQ(snapshot.counts[1], 1u);
  EXPECT_EQ(snapshot.counts[HistogramSnapshot::kBounds.size() - 1], 2u);
  EXPECT_EQ(snapshot.counts.back(), 1u);
  EXPECT_EQ(snapshot.count(), 6u);
  EXPECT_NEAR(snapshot.sum_seconds, 1e9 + 600.001001, 1e-3);
}

}  // namespace
}  // namespace millrace
