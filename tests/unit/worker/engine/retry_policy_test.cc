#include "worker/engine/retry_policy.h"

#include <gtest/gtest.h>

namespace keystrand::worker::engine {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RetryPolicyTest, FiveTriesInMemoryThenEightParkedThenNone) {
  const RetryPolicy policy({}, 1);
  EXPECT_TRUE(policy.MayWaitInMemory(4));
  EXPECT_FALSE(policy.MayWaitInMemory(5));
  EXPECT_TRUE(policy.MayPark(12));
  EXPECT_FALSE(policy.MayPark(13));
}

TEST(RetryPolicyTest, WaitsLongerEachTime) {
  RetryPolicy policy({}, 1);
  EXPECT_LE(policy.InMemoryDelay(1), milliseconds(100));
  for (int attempts = 1; attempts <= 5; ++attempts) EXPECT_LE(policy.InMemoryDelay(attempts), seconds(5));
  EXPECT_EQ(policy.ParkedDelay(5), seconds(30));
  EXPECT_EQ(policy.ParkedDelay(6), seconds(60));
  EXPECT_EQ(policy.ParkedDelay(12), seconds(3600));
}

}  // namespace
}  // namespace keystrand::worker::engine
