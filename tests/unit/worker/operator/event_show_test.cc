#include "worker/operator/event_show.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keystrand::worker::op {
namespace {

using testing::HasSubstr;

/// One id in two accounts; in the second it is dead.
store::EventHistory TwoScopes() {
  store::EventHistory history;
  history.settled.resize(2);
  history.settled[0].key = {"live/acct_1", "evt_1"};
  history.settled[0].source = {"t", 0, 1};
  history.settled[1].key = {"live/self", "evt_1"};
  history.settled[1].source = {"t", 0, 2};
  history.letters.resize(1);
  history.letters[0].scope = "live/self";
  history.letters[0].source = {"t", 0, 2};
  return history;
}

TEST(KeepScope, LeavesTheScopeAskedForAndAllWithoutOne) {
  auto history = TwoScopes();
  KeepScope(history, "");
  EXPECT_EQ(history.settled.size(), 2U);
  KeepScope(history, "live/acct_1");
  ASSERT_EQ(history.settled.size(), 1U);
  EXPECT_EQ(history.settled[0].source.offset, 1);
  EXPECT_TRUE(history.letters.empty());
  KeepScope(history, "test/self");
  EXPECT_TRUE(history.empty());
}

TEST(BodyPosition, IsRefusedWhereTheIdIsAmbiguous) {
  auto history = TwoScopes();
  const auto refused = BodyPosition(history);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("--scope one of live/acct_1, live/self"));
  KeepScope(history, "live/self");
  EXPECT_EQ(BodyPosition(history).value().offset, 2);
}

}  // namespace
}  // namespace keystrand::worker::op
