#include "worker/engine/offset_tracker.h"

#include <gtest/gtest.h>

namespace keystrand::worker::engine {
namespace {

TEST(OffsetTrackerTest, RisesOverTheUnbrokenRunOnly) {
  OffsetTracker tracker;
  for (const std::int64_t offset : {10, 11, 12}) tracker.Begin(offset);
  EXPECT_EQ(tracker.next(), std::nullopt);
  tracker.Complete(11);
  EXPECT_EQ(tracker.next(), std::nullopt);
  tracker.Complete(10);
  EXPECT_EQ(tracker.next(), 12);
  tracker.Complete(12);
  EXPECT_EQ(tracker.next(), 13);
  EXPECT_EQ(tracker.pending(), 0U);
}

TEST(OffsetTrackerTest, GapsInTheLogAreNotWaitedFor) {
  OffsetTracker tracker;
  tracker.Begin(5);
  tracker.Begin(9);
  tracker.Complete(5);
  EXPECT_EQ(tracker.next(), 6);
  tracker.Complete(9);
  EXPECT_EQ(tracker.next(), 10);
}

TEST(OffsetTrackerTest, IgnoresWhatItNeverBegan) {
  OffsetTracker tracker;
  tracker.Complete(3);
  tracker.Begin(4);
  tracker.Complete(3);
  tracker.Complete(5);
  EXPECT_EQ(tracker.next(), std::nullopt);
  EXPECT_EQ(tracker.pending(), 1U);
}

}  // namespace
}  // namespace keystrand::worker::engine
