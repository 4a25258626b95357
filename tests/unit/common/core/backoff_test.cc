#include "common/core/backoff.h"

#include <gtest/gtest.h>

namespace keystrand {
namespace {

using std::chrono::milliseconds;

constexpr Backoff::Policy kPolicy{milliseconds(100), milliseconds(5000)};

TEST(BackoffTest, DoublesFromTheBaseUpToTheCap) {
  EXPECT_EQ(Backoff::Ceiling(kPolicy, 1), milliseconds(100));
  EXPECT_EQ(Backoff::Ceiling(kPolicy, 2), milliseconds(200));
  EXPECT_EQ(Backoff::Ceiling(kPolicy, 6), milliseconds(3200));
  EXPECT_EQ(Backoff::Ceiling(kPolicy, 7), milliseconds(5000));
  EXPECT_EQ(Backoff::Ceiling(kPolicy, 1000000), milliseconds(5000));
}

TEST(BackoffTest, JitterCoversTheWholeRangeAndNeverExceedsIt) {
  Backoff backoff(kPolicy, 1);
  milliseconds shortest = kPolicy.cap;
  milliseconds longest{0};
  for (int i = 0; i < 1000; ++i) {
    const auto wait = backoff.Wait(3);
    ASSERT_LE(wait, milliseconds(400));
    shortest = std::min(shortest, wait);
    longest = std::max(longest, wait);
  }
  EXPECT_LT(shortest, milliseconds(40));
  EXPECT_GT(longest, milliseconds(360));
}

}  // namespace
}  // namespace keystrand
