#include "common/kafka/topic_watch.h"

#include <gtest/gtest.h>

namespace keystrand::kafka {
namespace {

const TopicRequirement kRequired{"keystrand.events", 1048576 + 16384, false};
const TopicDescription kGood{12, 3, 2, 2 * 1024 * 1024, -1, false};

TopicDescription Changed(void (*change)(TopicDescription&)) {
  TopicDescription description = kGood;
  change(description);
  return description;
}

std::string ProblemWith(const TopicDescription& seen, std::int32_t partitions_before = 0,
                        Durability durability = Durability::kReplicated) {
  const auto judged = JudgeTopic(kRequired, durability, partitions_before, seen);
  if (judged) return "";
  EXPECT_EQ(judged.error().code, ErrorCode::kMisdeployed);
  return judged.error().detail;
}

TEST(JudgeTopicTest, TrustsAReplicatedTopicOfTheRightSize) { EXPECT_EQ(ProblemWith(kGood, 12), ""); }

TEST(JudgeTopicTest, RefusesATopicThatCouldLoseAcknowledgedRecords) {
  EXPECT_NE(ProblemWith(Changed([](auto& seen) { seen.replication_factor = 2; })).find("factor 2"), std::string::npos);
  EXPECT_NE(ProblemWith(Changed([](auto& seen) { seen.min_insync_replicas = 1; })).find("insync.replicas 1"),
            std::string::npos);
  EXPECT_NE(ProblemWith(Changed([](auto& seen) { seen.unclean_leader_election = true; })).find("unclean"),
            std::string::npos);
}

TEST(JudgeTopicTest, ASingleBrokerNeedsNoReplicas) {
  const auto seen = Changed([](auto& topic) { topic.replication_factor = topic.min_insync_replicas = 1; });
  EXPECT_EQ(ProblemWith(seen, 0, Durability::kSingleBroker), "");
}

TEST(JudgeTopicTest, RefusesATopicThatCannotHoldTheLargestBody) {
  const auto seen = Changed([](auto& topic) { topic.record_bytes_max = 1048588; });
  EXPECT_NE(ProblemWith(seen, 0, Durability::kSingleBroker).find("at least 1064960"), std::string::npos);
}

TEST(JudgeTopicTest, RefusesATopicThatGrew) {
  EXPECT_NE(ProblemWith(kGood, 6).find("keys would move"), std::string::npos);
}

}  // namespace
}  // namespace keystrand::kafka
