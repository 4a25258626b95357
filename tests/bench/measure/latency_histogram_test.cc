#include "tests/bench/measure/latency_histogram.h"

#include <gtest/gtest.h>

namespace keystrand::bench {
namespace {

using std::chrono::hours;
using std::chrono::nanoseconds;

TEST(LatencyHistogramTest, PercentilesOfAKnownSeries) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.Record(nanoseconds(i));
  EXPECT_EQ(histogram.count(), 1000U);
  EXPECT_EQ(histogram.Percentile(50), nanoseconds(500));
  EXPECT_EQ(histogram.Percentile(99), nanoseconds(990));
  EXPECT_EQ(histogram.Percentile(99.9), nanoseconds(999));
  EXPECT_EQ(histogram.Percentile(100), nanoseconds(1000));
}

TEST(LatencyHistogramTest, IsExactToOneInThousandOverTheWholeRange) {
  for (nanoseconds value(1); value < hours(100); value = value * 3 + nanoseconds(1)) {
    LatencyHistogram histogram;
    histogram.Record(value);
    histogram.Record(hours(1000));  // so that the maximum does not hide the rounding
    const auto reported = histogram.Percentile(50);
    EXPECT_GE(reported, value);
    EXPECT_LE(reported.count() - value.count(), value.count() / 1024) << value.count();
  }
}

TEST(LatencyHistogramTest, KeepsTheExactMaximumAndTakesNegativeAsZero) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.Percentile(99), nanoseconds(0));
  histogram.Record(nanoseconds(-5));
  EXPECT_EQ(histogram.max(), nanoseconds(0));
  histogram.Record(nanoseconds(123'456'789));
  EXPECT_EQ(histogram.max(), nanoseconds(123'456'789));
  EXPECT_EQ(histogram.Percentile(100), nanoseconds(123'456'789));
}

}  // namespace
}  // namespace keystrand::bench
