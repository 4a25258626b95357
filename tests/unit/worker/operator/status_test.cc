#include "worker/operator/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keystrand::worker::op {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::int64_t kNow = 1'795'489'959'070;

/// A system in which all is well: two partitions, one worker, nothing waiting.
StatusReport Healthy() {
  KafkaStatus kafka;
  kafka.brokers = 3;
  for (const char* topic : {"keystrand.events", "keystrand.dead-letters", "keystrand.facts"}) {
    kafka.topics.push_back({topic, kafka::TopicDescription{2, 3, 2, 2097152, 3024000000, false}, ""});
  }
  kafka.partitions = {{0, 0, 10, 10, std::nullopt}, {1, 0, 0, -1, std::nullopt}};
  kafka.group = {"Stable", {{"keystrand-worker", "127.0.0.1", {0, 1}}}};
  kafka.last_accepted_ms = kNow - 3000;
  DatabaseStatus database;
  database.leases = {{0, 7, 10, "host:1", kNow - 9000, std::nullopt, 0}};
  database.last_settled_ms = kNow - 2950;
  return {kNow, "keystrand-worker", kafka, database};
}

class StatusTest : public testing::Test {
 protected:
  Verdict Judged() { return Judge(report_, settings_); }
  std::string Text() { return StatusText(report_, Judged()); }
  std::string Json() { return StatusJson(report_, Judged()); }

  Settings settings_;
  StatusReport report_ = Healthy();
};

TEST_F(StatusTest, IsHealthyWhenNothingIsWrong) {
  EXPECT_EQ(Judged().health, Health::kHealthy);
  EXPECT_THAT(Judged().problems, IsEmpty());
}

TEST_F(StatusTest, IsDownWhenABrokerOrTheDatabaseDoesNotAnswer) {
  report_.kafka = Fail(ErrorCode::kUnavailable, "metadata: _TRANSPORT");
  EXPECT_EQ(Judged().health, Health::kDown);
  EXPECT_THAT(Judged().problems, ElementsAre(HasSubstr("Kafka does not answer")));
  report_ = Healthy();
  report_.database = Fail(ErrorCode::kMisdeployed, "the schema is old");
  EXPECT_EQ(Judged().health, Health::kDown);
  EXPECT_THAT(Judged().problems, ElementsAre(HasSubstr("run the migrations")));
}

TEST_F(StatusTest, DownStaysDownBesideSmallerProblems) {
  report_.kafka = Fail(ErrorCode::kUnavailable, "no answer");
  report_.database->open_letters = {{"malformed", 1, kNow, "t/0/1"}};
  EXPECT_EQ(Judged().health, Health::kDown);
  EXPECT_EQ(Judged().problems.size(), 2U);
}

TEST_F(StatusTest, IsDegradedByOpenDeadLetters) {
  report_.database->open_letters = {{"malformed", 3, kNow - 60'000, "keystrand.events/5/0"},
                                    {"rejected", 1, kNow - 120'000, "keystrand.events/1/8"}};
  EXPECT_EQ(Judged().health, Health::kDegraded);
  EXPECT_THAT(Judged().problems,
              ElementsAre(AllOf(HasSubstr("4 dead letters are open (malformed 3, rejected 1), the oldest for 2 min"),
                                HasSubstr("dead-letters show keystrand.events/1/8"))));
}

TEST_F(StatusTest, IsDegradedOnlyByABacklogOlderThanTheLimit) {
  settings_.backlog_age_max = std::chrono::seconds(300);
  auto& partition = report_.kafka->partitions[1];
  partition.end = 40;
  partition.oldest_waiting_ms = kNow - 300'000;
  EXPECT_EQ(Judged().health, Health::kHealthy);
  partition.oldest_waiting_ms = kNow - 300'001;
  EXPECT_EQ(Judged().health, Health::kDegraded);
  EXPECT_THAT(Judged().problems, ElementsAre(HasSubstr("has waited for 5 min (40 events behind)")));
}

TEST_F(StatusTest, IsDegradedByAPositionOutsideItsLog) {
  report_.kafka->partitions[0] = {0, 15, 20, 10, std::nullopt};
  report_.kafka->partitions[1] = {1, 0, 5, 9, std::nullopt};
  const Verdict verdict = Judged();
  EXPECT_EQ(verdict.health, Health::kDegraded);
  EXPECT_THAT(verdict.problems, ElementsAre(HasSubstr("partition 0 stands at 10, outside its log (15 to 20)"),
                                            HasSubstr("partition 1 stands at 9, outside its log (0 to 5)")));
  report_.kafka->partitions[0] = {0, 15, 20, -1, std::nullopt};
  report_.kafka->partitions[1] = {1, 5, 5, 5, std::nullopt};
  EXPECT_THAT(Judged().problems, IsEmpty());
}

TEST_F(StatusTest, IsDegradedByAnUnfitTopicAnEmptyGroupHeldStrandsAndOpenBreakers) {
  report_.kafka->topics[0].problem = "topic keystrand.events is too small";
  report_.kafka->group.members.clear();
  report_.database->strands = {{"held", "hold", 2, kNow}, {"parked", "retry", 5, kNow}};
  report_.database->open_breakers = {"invoice"};
  EXPECT_EQ(Judged().health, Health::kDegraded);
  EXPECT_THAT(
      Judged().problems,
      ElementsAre("topic keystrand.events is too small", HasSubstr("no worker is in the group"),
                  HasSubstr("2 customers wait for an operator"), HasSubstr("breaker of handler invoice is open")));
}

TEST_F(StatusTest, ParkedStrandsAloneAreNoProblem) {
  report_.database->strands = {{"parked", "retry", 5, kNow}};
  EXPECT_EQ(Judged().health, Health::kHealthy);
}

TEST(PartitionBacklog, CountsFromTheCommitOrFromTheLogStartWhicheverIsLater) {
  EXPECT_EQ((PartitionStatus{0, 5, 20, -1, std::nullopt}.Backlog()), 15);
  EXPECT_EQ((PartitionStatus{0, 5, 20, 12, std::nullopt}.Backlog()), 8);
  EXPECT_EQ((PartitionStatus{0, 15, 20, 12, std::nullopt}.Backlog()), 5);
  EXPECT_EQ((PartitionStatus{0, 0, 20, 25, std::nullopt}.Backlog()), 0);
}

TEST_F(StatusTest, TextShowsEveryPart) {
  report_.database->open_letters = {{"malformed", 3, kNow - 60'000, "keystrand.events/5/0"}};
  report_.database->strands = {{"held", "hold", 2, kNow - 1000}};
  report_.database->parked_events = 9;
  const std::string text = Text();
  EXPECT_THAT(text, testing::StartsWith("DEGRADED  2026-11-24 03:12:39.070 UTC\n  ! "));
  for (const char* part :
       {"Topics (3 brokers)", "keystrand.events        ok  2 partitions, 3 copies", "backlog         0 events",
        "last accepted   2026-11-24 03:12:36.070 UTC (3 s ago)", "Workers (group keystrand-worker, Stable: 1 member)",
        "partitions 0-1", "malformed  3  oldest 1 min, keystrand.events/5/0", "Parked (9 events)",
        "held  hold  2 customers  oldest 1 s", "never taken", "host:1"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST_F(StatusTest, TextShowsWhatIsLeftWhenOneSideIsDown) {
  report_.kafka = Fail(ErrorCode::kUnavailable, "no answer");
  EXPECT_THAT(Text(), AllOf(HasSubstr("DOWN"), HasSubstr("Dead letters, open: none"), Not(HasSubstr("Topics"))));
  report_ = Healthy();
  report_.database = Fail(ErrorCode::kUnavailable, "no answer");
  EXPECT_THAT(Text(), AllOf(HasSubstr("DOWN"), HasSubstr("Topics"), Not(HasSubstr("Dead letters"))));
}

TEST_F(StatusTest, SaysWhenTheLastSettledEventCouldNotBeFoundInTime) {
  report_.database->last_settled_ms = Fail(ErrorCode::kTimeout, "SQLSTATE 57014");
  EXPECT_EQ(Judged().health, Health::kHealthy);
  EXPECT_THAT(Text(), HasSubstr("last settled    unknown (SQLSTATE 57014)"));
  EXPECT_THAT(Json(), HasSubstr(R"("last_settled_at":null)"));
  report_.database->last_settled_ms = std::nullopt;
  EXPECT_THAT(Text(), HasSubstr("last settled    none in the last day"));
}

TEST_F(StatusTest, LeasesAreUnknownWithoutTheDatabase) {
  report_.database = Fail(ErrorCode::kUnavailable, "no answer");
  EXPECT_THAT(Text(), AllOf(HasSubstr("unknown"), Not(HasSubstr("never taken"))));
}

TEST_F(StatusTest, ExitCodeIsTheHealth) {
  EXPECT_EQ(Present(report_, {Health::kHealthy, {}}, Format::kText).exit_code, 0);
  EXPECT_EQ(Present(report_, {Health::kDegraded, {"x"}}, Format::kText).exit_code, 1);
  EXPECT_EQ(Present(report_, {Health::kDown, {"x"}}, Format::kText).exit_code, 2);
}

TEST_F(StatusTest, ErrorsGoToStderrWhereThereIsNoScreenOrADocument) {
  report_.kafka = Fail(ErrorCode::kUnavailable, "no answer");
  EXPECT_THAT(Present(report_, Judged(), Format::kText).out, HasSubstr("! Kafka does not answer"));
  EXPECT_EQ(Present(report_, Judged(), Format::kText).err, "");
  EXPECT_THAT(Present(report_, Judged(), Format::kJson).out, HasSubstr(R"("kafka_reachable":false)"));
  EXPECT_THAT(Present(report_, Judged(), Format::kJson).err, testing::StartsWith("keystrand: Kafka does not answer"));
  report_.database = Fail(ErrorCode::kUnavailable, "no answer");
  EXPECT_EQ(Present(report_, Judged(), Format::kText).out, "");
  EXPECT_THAT(Present(report_, Judged(), Format::kText).err, HasSubstr("keystrand: PostgreSQL does not answer"));
}

TEST_F(StatusTest, TextOfManyPartitionsShowsThoseThatWait) {
  report_.kafka->partitions.clear();
  for (std::int32_t p = 0; p < 100; ++p) report_.kafka->partitions.push_back({p, 0, p == 77 ? 4 : 0, 0, std::nullopt});
  EXPECT_THAT(Text(), AllOf(HasSubstr("\n         77        4  "), HasSubstr("and 99 more: --output json has all")));
}

TEST_F(StatusTest, TextObeysNoControlCharacterOfAnOwnersName) {
  report_.database->leases[0].owner = "host\x1b[2J";
  report_.kafka->group.members[0].client_id = "x\x1b[2J";
  EXPECT_THAT(Text(), Not(HasSubstr("\x1b")));
}

TEST_F(StatusTest, JsonHasTheSameFacts) {
  auto& partition = report_.kafka->partitions[1];
  partition.end = 40;
  partition.oldest_waiting_ms = kNow - 5000;
  report_.database->open_letters = {{"malformed", 3, kNow - 60'000, "keystrand.events/5/0"}};
  const std::string json = Json();
  for (
      const char* part :
      {R"("status":"degraded","checked_at":"2026-11-24T03:12:39.070Z")", R"("kafka_reachable":true)",
       R"("backlog":{"events":40,"oldest_waiting_at":"2026-11-24T03:12:34.070Z","oldest_waiting_ms":5000)",
       R"({"partition":0,"backlog":0,"log_start":0,"end":10,"committed":10,"oldest_waiting_at":null,"lease":{"owner":"host:1","epoch":7,"next_offset":10)",
       R"({"partition":1,"backlog":40,"log_start":0,"end":40,"committed":null)",
       R"("dead_letters":{"by_error_code":[{"error_code":"malformed","open":3)", R"("open":3,"replaying":0)",
       R"("members":[{"client_id":"keystrand-worker","host":"127.0.0.1","partitions":[0,1]}])",
       R"("last_settled_at":"2026-11-24T03:12:36.120Z")"}) {
    EXPECT_THAT(json, HasSubstr(part));
  }
}

}  // namespace
}  // namespace keystrand::worker::op
