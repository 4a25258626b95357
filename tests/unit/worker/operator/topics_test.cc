#include "worker/operator/topics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keystrand::worker::op {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

std::vector<TopicPlan> Plans(const Settings& settings, const Cluster& cluster) {
  return PlanTopics(settings, cluster).value();
}

/// What the brokers would say of a topic made by `plan`.
kafka::TopicDescription Made(const TopicPlan& plan) {
  return {plan.wanted.partitions,   plan.wanted.replication_factor,
          plan.min_insync_replicas, plan.record_bytes_max,
          plan.retention_ms,        false};
}

TEST(PlanTopics, GivesEachTopicItsSettings) {
  const auto plans = Plans({}, {3, 0});
  ASSERT_EQ(plans.size(), 3U);
  EXPECT_EQ(plans[0].wanted.name, "keystrand.events");
  EXPECT_EQ(plans[1].wanted.name, "keystrand.dead-letters");
  EXPECT_EQ(plans[2].wanted.name, "keystrand.facts");
  EXPECT_EQ(plans[0].wanted.partitions, 12);
  EXPECT_EQ(plans[0].wanted.replication_factor, 3);
  EXPECT_THAT(plans[0].wanted.config,
              UnorderedElementsAre(Pair("cleanup.policy", "delete"), Pair("retention.ms", "3024000000"),
                                   Pair("max.message.bytes", "2097152"), Pair("min.insync.replicas", "2"),
                                   Pair("unclean.leader.election.enable", "false")));
  EXPECT_EQ(plans[1].wanted.config.at("retention.ms"), "7776000000");  // 90 days
  EXPECT_EQ(plans[2].wanted.config.at("retention.ms"), "3024000000");
}

TEST(PlanTopics, MakesAsManyCopiesAsThereAreBrokersUpToThree) {
  EXPECT_EQ(Plans({}, {1, 0})[0].wanted.replication_factor, 1);
  EXPECT_EQ(Plans({}, {1, 0})[0].min_insync_replicas, 1);
  EXPECT_EQ(Plans({}, {2, 0})[0].wanted.replication_factor, 2);
  EXPECT_EQ(Plans({}, {2, 0})[0].min_insync_replicas, 2);
  EXPECT_EQ(Plans({}, {9, 0})[0].wanted.replication_factor, 3);
}

TEST(PlanTopics, RefusesMoreCopiesThanBrokers) {
  Settings settings;
  settings.replication = 3;
  const auto plans = PlanTopics(settings, {1, 0});
  ASSERT_FALSE(plans);
  EXPECT_EQ(plans.error().code, ErrorCode::kRejected);
  EXPECT_THAT(plans.error().detail, HasSubstr("--replication 3: there is 1 broker"));
}

TEST(PlanTopics, FollowsTheEventsTopicUnlessToldOtherwise) {
  EXPECT_EQ(Plans({}, {1, 6})[1].wanted.partitions, 6);
  Settings settings;
  settings.partitions = 24;
  EXPECT_EQ(Plans(settings, {1, 6})[1].wanted.partitions, 24);
}

TEST(PlanTopics, HoldsALargerBodyLimitWithRoomToSpare) {
  Settings settings;
  settings.body_bytes_max = 4 * 1024 * 1024;
  EXPECT_GT(Plans(settings, {1, 0})[0].record_bytes_max, settings.body_bytes_max + 16 * 1024);
}

TEST(Differences, AreNoneForWhatWasJustMade) {
  Settings settings;
  for (const auto& plan : Plans(settings, {3, 0})) EXPECT_THAT(Differences(plan, settings, Made(plan)), IsEmpty());
  settings.durability = kafka::Durability::kSingleBroker;
  for (const auto& plan : Plans(settings, {1, 0})) EXPECT_THAT(Differences(plan, settings, Made(plan)), IsEmpty());
}

TEST(Differences, TellEachFault) {
  const Settings settings;
  const auto plan = Plans(settings, {3, 0})[0];
  auto seen = Made(plan);
  seen.partitions = 6;
  seen.replication_factor = 1;
  seen.retention_ms = 1000;
  EXPECT_THAT(Differences(plan, settings, seen),
              ElementsAre(HasSubstr("has 6 partitions, not 12"), HasSubstr("has replication factor 1"),
                          HasSubstr("keeps records for 1 s only: set retention.ms to 3024000000")));
}

TEST(Differences, LetATopicKeepRecordsForEverOrLonger) {
  const Settings settings;
  const auto plan = Plans(settings, {3, 0})[0];
  auto seen = Made(plan);
  seen.retention_ms = -1;
  EXPECT_THAT(Differences(plan, settings, seen), IsEmpty());
  seen.retention_ms = plan.retention_ms + 1;
  EXPECT_THAT(Differences(plan, settings, seen), IsEmpty());
}

TEST(TopicsOutput, SaysWhatWasDone) {
  const Settings settings;
  const auto plans = Plans(settings, {3, 0});
  const std::vector<TopicDone> topics = {{"keystrand.events", true, Made(plans[0]), {}},
                                         {"keystrand.facts", false, Made(plans[2]), {"a warning"}}};
  EXPECT_EQ(
      TopicsText(topics),
      "keystrand.events  created  12 partitions, 3 copies (2 must be in sync), kept 35 d, records up to 2,097,152 "
      "bytes\n"
      "keystrand.facts   exists   12 partitions, 3 copies (2 must be in sync), kept 35 d, records up to 2,097,152 "
      "bytes\n");
  const std::string json = TopicsJson(topics, "no database");
  EXPECT_THAT(json, HasSubstr(R"("topic":"keystrand.events","result":"created","partitions":12)"));
  EXPECT_THAT(json, HasSubstr(R"("warnings":["a warning"])"));
  EXPECT_THAT(json, HasSubstr(R"("audit_problem":"no database")"));
}

}  // namespace
}  // namespace keystrand::worker::op
