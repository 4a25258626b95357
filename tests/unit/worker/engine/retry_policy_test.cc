#include "worker/engine/retry_policy.h"

#include <gtest/gtest.h>

namespace keystrand::worker::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RetryPolicyTest, ShortTriesFirstThenLongOnesThenNone) {
  RetryPolicy policy(1);
  for (int attempts = 1; attempts <= 5; ++attempts) EXPECT_LE(policy.DelayAfter(attempts).value(), seconds(5));
  EXPECT_LE(policy.DelayAfter(1).value(), milliseconds(100));
  EXPECT_EQ(policy.DelayAfter(6), seconds(30));
  EXPECT_EQ(policy.DelayAfter(7), seconds(60));
  EXPECT_EQ(policy.DelayAfter(13), seconds(3600));
  EXPECT_EQ(policy.DelayAfter(14), std::nullopt);
}

}  // namespace
}  // namespace keystrand::worker::engine
