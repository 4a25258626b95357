#include <algorithm>

#include "tests/integration/engine_fixture.h"
#include "tests/integration/scripted_handler.h"

namespace keystrand::worker::engine {
namespace {

using std::chrono::milliseconds;

class ParkingTest : public EngineTest {
 protected:
  ParkingTest() {
    retry_.in_memory = {milliseconds(1), milliseconds(2)};
    retry_.parked = {milliseconds(1), milliseconds(2)};
    handlers_ = {&continues_, &mirror_};
  }

  kafka::Position SendOf(const std::string& id, const std::string& customer = "cus_1") {
    return Send(Event(id, customer, ++created_));
  }
  [[nodiscard]] std::string Strand() const {
    return QueryOne("SELECT state || ' ' || reason FROM keystrand.strands WHERE topic = $1", {events_});
  }
  [[nodiscard]] std::string Parked() const {
    return QueryOne(
        "SELECT string_agg(event_id || ' ' || status || ' ' || attempts || CASE WHEN next_attempt_at IS NULL THEN '' "
        "ELSE ' due' END, ', ' ORDER BY \"offset\") FROM keystrand.parked_events WHERE topic = $1",
        {events_});
  }
  [[nodiscard]] std::string Letter(
      const std::string& columns = "status || ' ' || error_code || ' ' || attempts") const {
    return QueryOne("SELECT " + columns + " FROM keystrand.dead_letters WHERE source_topic = $1", {events_});
  }
  [[nodiscard]] bool WatermarkIsPast(const kafka::Position& record) const {
    return QueryOne(
               "SELECT next_offset > $3::bigint FROM keystrand.partition_leases WHERE topic = $1 AND \"partition\" = "
               "$2",
               {events_, std::to_string(record.partition), std::to_string(record.offset)}) == "t";
  }
  /// What `keystrand dead-letters replay` does.
  void Replay(const std::string& event_id, const std::string& replay_id, std::int64_t created,
              const std::string& customer = "cus_1") {
    Query(
        "UPDATE keystrand.dead_letters SET status = 'replaying', replay_id = $2 WHERE source_topic = $1 AND event_id = "
        "$3",
        {events_, replay_id, event_id});
    Query("UPDATE keystrand.inbox SET status = 'replaying', replay_id = $1 WHERE scope = $2 AND event_id = $3",
          {replay_id, scope_, event_id});
    const auto source = QueryOne(
        "SELECT source_topic || '/' || source_partition || '/' || source_offset "
        "FROM keystrand.dead_letters WHERE source_topic = $1 AND event_id = $2",
        {events_, event_id});
    Send(Event(event_id, customer, created),
         {{kafka::header::kReplayId, replay_id}, {kafka::header::kSourcePosition, source}});
  }

  Scripted continues_{handlers::Handler::AfterDeath::kContinue};
  Scripted holds_{handlers::Handler::AfterDeath::kHold};
  std::int64_t created_ = 100;
};

TEST_F(ParkingTest, AFailingEventIsParkedAndItsKeyWaitsInOrderWhileOthersFlow) {
  retry_.parked = {std::chrono::hours(1), std::chrono::hours(1)};
  continues_.Fail("evt_1", ErrorCode::kMissingReference, kForEver);
  Start();
  SendOf("evt_1");
  ASSERT_TRUE(Eventually([&] { return counts_.parked == 1; }));
  SendOf("evt_2");
  const auto last = SendOf("evt_3");
  SendOf("evt_other", "cus_2");
  ASSERT_TRUE(Eventually([&] { return counts_.behind == 2 && Inbox("evt_other") == "applied"; }));
  EXPECT_EQ(Strand(), "parked retry");
  EXPECT_EQ(Parked(), "evt_1 waiting 5 due, evt_2 waiting 0, evt_3 waiting 0");
  EXPECT_EQ(Inbox("evt_1"), "parked");
  EXPECT_EQ(Inbox("evt_3"), "parked");
  EXPECT_TRUE(Eventually([&] { return WatermarkIsPast(last); })) << "a parked key holds the offset back";
}

TEST_F(ParkingTest, GoesOnInOrderOnceTheHeadIsThrough) {
  continues_.Fail("evt_1", ErrorCode::kMissingReference, 7);
  Start();
  for (const char* id : {"evt_1", "evt_2", "evt_3"}) SendOf(id);
  ASSERT_TRUE(Eventually([&] { return Settled(3); }));
  SendOf("evt_4");
  ASSERT_TRUE(Eventually([&] { return Settled(4); }));
  EXPECT_EQ(continues_.Taken(), (std::vector<std::string>{"evt_1", "evt_2", "evt_3", "evt_4"}));
  EXPECT_EQ(QueryOne("SELECT attempts FROM keystrand.inbox WHERE scope = $1 AND event_id = 'evt_1'", {scope_}), "8");
  EXPECT_EQ(Strand(), "");
  EXPECT_EQ(Parked(), "∅");
  EXPECT_EQ(counts_.Of(EventOutcome::kApplied), 4);
}

TEST_F(ParkingTest, CountsAttemptsOverARestart) {
  retry_.parked = {std::chrono::hours(1), std::chrono::hours(1)};
  continues_.Fail("evt_1", ErrorCode::kInternal, kForEver);
  Start();
  SendOf("evt_1");
  SendOf("evt_2");
  ASSERT_TRUE(Eventually([&] { return Parked() == "evt_1 waiting 5 due, evt_2 waiting 0"; })) << Parked();
  Stop();
  Query("UPDATE keystrand.parked_events SET next_attempt_at = now() WHERE topic = $1 AND event_id = 'evt_1'",
        {events_});
  Start();
  EXPECT_TRUE(Eventually([&] { return Parked() == "evt_1 waiting 6 due, evt_2 waiting 0"; })) << Parked();
  SendOf("evt_3");
  EXPECT_TRUE(Eventually([&] { return Parked() == "evt_1 waiting 6 due, evt_2 waiting 0, evt_3 waiting 0"; }))
      << Parked();
}

TEST_F(ParkingTest, DiesAfterItsLastTryAndTheOthersFollow) {
  continues_.Fail("evt_1", ErrorCode::kMissingReference, kForEver);
  Start();
  for (const char* id : {"evt_1", "evt_2", "evt_3"}) SendOf(id);
  ASSERT_TRUE(Eventually([&] { return Settled(3); }));
  EXPECT_EQ(Letter(), "open missing_reference 13");
  EXPECT_EQ(Inbox("evt_1"), "dead");
  EXPECT_EQ(continues_.Taken(), (std::vector<std::string>{"evt_2", "evt_3"}));
  EXPECT_EQ(Strand(), "");
}

TEST_F(ParkingTest, AHandlerThatHoldsStopsItsStrandUntilTheReplaySucceeds) {
  handlers_ = {&holds_, &mirror_};
  holds_.Fail("evt_1", ErrorCode::kUnsupported, 2);
  Start();
  for (const char* id : {"evt_1", "evt_2", "evt_3"}) SendOf(id);
  SendOf("evt_other", "cus_2");
  ASSERT_TRUE(Eventually([&] { return counts_.dead == 1 && counts_.behind == 2 && Inbox("evt_other") == "applied"; }));
  EXPECT_EQ(Strand(), "held hold");
  EXPECT_EQ(Parked(), "evt_1 held 1, evt_2 waiting 0, evt_3 waiting 0");

  Replay("evt_1", "replay-1", 101);
  ASSERT_TRUE(Eventually([&] { return counts_.dead == 2; }));
  EXPECT_EQ(Letter("status || ' ' || cycle"), "open 1");
  EXPECT_EQ(Strand(), "held hold");
  EXPECT_EQ(Parked(), "evt_1 held 1, evt_2 waiting 0, evt_3 waiting 0");
  EXPECT_EQ(Inbox("evt_1"), "dead");

  Replay("evt_1", "replay-2", 101);
  ASSERT_TRUE(Eventually([&] { return Inbox("evt_3") == "applied"; }));
  EXPECT_EQ(Letter("status || ' ' || cycle"), "resolved 1");
  EXPECT_EQ(Strand(), "");
  const auto taken = holds_.Taken();
  EXPECT_LT(std::find(taken.begin(), taken.end(), "evt_1"), std::find(taken.begin(), taken.end(), "evt_2"));
  EXPECT_LT(std::find(taken.begin(), taken.end(), "evt_2"), std::find(taken.begin(), taken.end(), "evt_3"));
  EXPECT_EQ(QueryOne("SELECT count(*) FROM keystrand.dead_letter_attempts WHERE source_topic = $1", {events_}), "2");
}

TEST_F(ParkingTest, AReplayThatIsProducedTwiceRunsOnce) {
  continues_.Fail("evt_1", ErrorCode::kUnsupported, 1);
  Start();
  SendOf("evt_1");
  ASSERT_TRUE(Eventually([&] { return counts_.dead == 1; }));
  Replay("evt_1", "replay-1", 101);
  ASSERT_TRUE(Eventually([&] { return Inbox("evt_1") == "applied"; }));
  const auto source = Letter("source_topic || '/' || source_partition || '/' || source_offset");
  Send(Event("evt_1", "cus_1", 101),
       {{kafka::header::kReplayId, "replay-1"}, {kafka::header::kSourcePosition, source}});
  ASSERT_TRUE(Eventually([&] { return counts_.Of(EventOutcome::kRedelivered) == 1; }));
  EXPECT_EQ(continues_.Taken(), (std::vector<std::string>{"evt_1"}));
  EXPECT_EQ(Letter("status"), "resolved");
}

TEST_F(ParkingTest, AnOperatorMayDiscardWhatIsParkedAndTheRestGoesOn) {
  handlers_ = {&holds_, &mirror_};
  holds_.Fail("evt_1", ErrorCode::kUnsupported, kForEver);
  Start();
  for (const char* id : {"evt_1", "evt_2"}) SendOf(id);
  ASSERT_TRUE(Eventually([&] { return counts_.behind == 1; }));
  Query("DELETE FROM keystrand.parked_events WHERE topic = $1 AND event_id = 'evt_1'", {events_});
  Query("UPDATE keystrand.parked_events SET next_attempt_at = now() WHERE topic = $1", {events_});
  ASSERT_TRUE(Eventually([&] { return Inbox("evt_2") == "applied"; }));
  EXPECT_EQ(Strand(), "");
}

TEST_F(ParkingTest, AStrandThatAnOperatorFreedFlows) {
  handlers_ = {&holds_, &mirror_};
  holds_.Fail("evt_1", ErrorCode::kUnsupported, kForEver);
  Start();
  SendOf("evt_1");
  ASSERT_TRUE(Eventually([&] { return Strand() == "held hold"; }));
  Query("DELETE FROM keystrand.parked_events WHERE topic = $1", {events_});
  Query("DELETE FROM keystrand.strands WHERE topic = $1", {events_});
  SendOf("evt_2");
  EXPECT_TRUE(Eventually([&] { return Inbox("evt_2") == "applied"; }));
}

}  // namespace
}  // namespace keystrand::worker::engine
