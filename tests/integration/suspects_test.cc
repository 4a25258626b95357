#include <algorithm>

#include "common/kafka/partitioner.h"
#include "tests/integration/engine_fixture.h"
#include "tests/integration/scripted_handler.h"

namespace keystrand::worker::engine {
namespace {

/// Partitions whose last owner ended without releasing them, and what it had begun.
class SuspectsTest : public EngineTest {
 protected:
  SuspectsTest() { handlers_ = {&scripted_, &mirror_}; }

  kafka::Position SendOf(const std::string& id, const std::string& customer, std::vector<kafka::Header> headers = {}) {
    headers.push_back({kafka::header::kEventId, id});
    headers.push_back({kafka::header::kEventType, "customer.updated"});
    return Send(Event(id, customer, 100), headers);
  }
  void LeaveUnclean(int ends) {
    for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
      Query(
          "INSERT INTO keystrand.partition_leases (topic, \"partition\", epoch, owner, suspects) "
          "VALUES ($1, $2, 1, 'gone', $3)",
          {events_, std::to_string(partition), std::to_string(ends - 1)});
    }
  }
  void LeaveBegun(const kafka::Position& record, int tries) {
    Query(
        "INSERT INTO keystrand.suspect_tries (topic, \"partition\", \"offset\", tries, epoch) VALUES ($1, $2, $3, $4, "
        "1)",
        {events_, std::to_string(record.partition), std::to_string(record.offset), std::to_string(tries)});
  }
  [[nodiscard]] std::string Begun() const {
    return QueryOne("SELECT count(*) FROM keystrand.suspect_tries WHERE topic = $1", {events_});
  }

  Scripted scripted_{handlers::Handler::AfterDeath::kContinue};
};

TEST_F(SuspectsTest, AnEventThatHasKilledThreeWorkersIsDeadAndNeverRunAgain) {
  LeaveUnclean(3);
  LeaveBegun(SendOf("evt_killer", "cus_1"), 3);
  SendOf("evt_next", "cus_1");
  SendOf("evt_other", "cus_2");
  Start();
  ASSERT_TRUE(Eventually([&] { return Settled(3); }));
  EXPECT_EQ(Inbox("evt_killer"), "dead");
  EXPECT_EQ(QueryOne("SELECT stage || ' ' || error_code || ' ' || attempts FROM keystrand.dead_letters "
                     "WHERE source_topic = $1",
                     {events_}),
            "crash crashed 3");
  auto taken = scripted_.Taken();
  std::sort(taken.begin(), taken.end());
  EXPECT_EQ(taken, (std::vector<std::string>{"evt_next", "evt_other"}));
  EXPECT_EQ(Begun(), "0");
}

TEST_F(SuspectsTest, AReplayThatHasKilledThreeWorkersReopensItsLetter) {
  LeaveUnclean(3);
  const auto first = SendOf("evt_killer", "cus_1");
  LeaveBegun(first, 3);
  Start();
  ASSERT_TRUE(Eventually([&] { return Settled(1); }));
  Stop();
  Query("UPDATE keystrand.dead_letters SET status = 'replaying', replay_id = 'r1' WHERE source_topic = $1", {events_});
  Query("UPDATE keystrand.inbox SET status = 'replaying', replay_id = 'r1' WHERE source_topic = $1", {events_});
  const auto source = events_ + "/" + std::to_string(first.partition) + "/" + std::to_string(first.offset);
  LeaveBegun(
      SendOf("evt_killer", "cus_1", {{kafka::header::kReplayId, "r1"}, {kafka::header::kSourcePosition, source}}), 3);
  Query("UPDATE keystrand.partition_leases SET released_at = NULL, suspects = 2 WHERE topic = $1", {events_});
  Start();
  ASSERT_TRUE(Eventually([&] { return Settled(2); }));
  EXPECT_EQ(Inbox("evt_killer"), "dead");
  EXPECT_EQ(QueryOne("SELECT string_agg(status || ' ' || cycle, ',') FROM keystrand.dead_letters "
                     "WHERE source_topic = $1",
                     {events_}),
            "open 1");
  EXPECT_TRUE(scripted_.Taken().empty());
}

TEST_F(SuspectsTest, AnEventGetsItsThirdTry) {
  LeaveUnclean(2);
  LeaveBegun(SendOf("evt_1", "cus_1"), 2);
  Start();
  ASSERT_TRUE(Eventually([&] { return Settled(1); }));
  EXPECT_EQ(Inbox("evt_1"), "applied");
  EXPECT_EQ(Begun(), "0");
}

TEST_F(SuspectsTest, WhatAWorkerThatLivesTriesAgainIsNotCountedTwice) {
  LeaveUnclean(1);
  scripted_.Fail("evt_1", ErrorCode::kInternal, 4);
  const auto position = SendOf("evt_1", "cus_1");
  LeaveBegun(position, 2);
  retry_.in_memory = {std::chrono::milliseconds(1), std::chrono::milliseconds(2)};
  Start();
  ASSERT_TRUE(Eventually([&] { return Settled(1); }));
  EXPECT_EQ(Inbox("evt_1"), "applied");
  EXPECT_EQ(counts_.dead, 0);
}

TEST_F(SuspectsTest, RunsAtFullSpeedAfterTheWindow) {
  LeaveUnclean(1);
  for (int i = 0; i < 300; ++i) SendOf("evt_" + std::to_string(i), "cus_" + std::to_string(i % 7));
  Start();
  ASSERT_TRUE(Eventually([&] { return counts_.Of(EventOutcome::kApplied) == 300; }));
  EXPECT_EQ(Begun(), "0");
}

TEST_F(SuspectsTest, AWorkerThatEndsInOrderLeavesNothingInSuspicion) {
  LeaveUnclean(1);
  const auto position = SendOf("evt_1", "cus_1");
  Start();
  ASSERT_TRUE(Eventually([&] { return Settled(1); }));
  LeaveBegun({position.partition, position.offset + 1}, 1);
  Stop();
  EXPECT_EQ(Begun(), "0");
}

}  // namespace
}  // namespace keystrand::worker::engine
