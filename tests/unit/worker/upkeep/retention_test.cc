#include "worker/upkeep/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keystrand::worker::upkeep {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

KeptTopic Topic(const std::string& name, std::int64_t retention_days, std::int64_t segment_days = 7) {
  KeptTopic topic{name, {}};
  topic.seen.retention_ms = retention_days < 0 ? -1 : retention_days * kDayMs;
  topic.seen.segment_ms = segment_days * kDayMs;
  return topic;
}

TEST(JudgeRetention, NeedsRetentionSegmentAndADayOfBothTopics) {
  const std::vector topics = {Topic("events", 35), Topic("letters", 90)};
  EXPECT_TRUE(JudgeRetention(100, topics));
  EXPECT_TRUE(JudgeRetention(98, topics));
  const auto refused = JudgeRetention(97, topics);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, AllOf(HasSubstr("inbox-days is 97"), HasSubstr("events for up to 43 d"),
                                            HasSubstr("letters for up to 98 d"), HasSubstr("to 98 or more")));
  EXPECT_FALSE(JudgeRetention(98, {Topic("events", 91), Topic("letters", 90)}));
}

TEST(JudgeRetention, CanNeverBeLongerThanForEver) {
  const auto refused = JudgeRetention(36500, {Topic("events", -1), Topic("letters", 90)});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, AllOf(HasSubstr("events for ever"), HasSubstr("give the topic a retention.ms")));
}

}  // namespace
}  // namespace keystrand::worker::upkeep
