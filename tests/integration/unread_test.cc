#include <algorithm>
#include <array>
#include <random>

#include "tests/integration/engine_fixture.h"
#include "tests/integration/scripted_handler.h"

/// Batches that are written without a look at what the database has (row_memory.h).
namespace keystrand::worker::engine {
namespace {

class UnreadTest : public EngineTest {
 protected:
  UnreadTest() {
    careful_events_ = 0;
    rows_.stale.careful_events = 0;
  }

  /// Started anew, the worker remembers nothing.
  void StartAnew() {
    Stop();
    Start();
  }
  void SendAndSettle(const std::string& body) {
    Send(body);
    ASSERT_TRUE(Eventually([&] { return Settled(sent_ + 1); })) << body;
    ++sent_;
  }

  int sent_ = 0;
};

TEST_F(UnreadTest, TheNewestEventOfItsObjectIsWrittenAtOnce) {
  Start();
  for (int i = 0; i < 4; ++i) SendAndSettle(Event("evt_" + std::to_string(i), "cus_1", kReceivedAt + i));
  EXPECT_EQ(statements_.Of("objects_replace"), 4);
  EXPECT_EQ(statements_.Of("lease_assert"), 4);
  EXPECT_EQ(statements_.Of("objects_load") + statements_.Of("inbox_known"), 0);
  EXPECT_EQ(counts_.Of(EventOutcome::kApplied), 4);
  EXPECT_EQ(counts_.conflicts, 0);
  EXPECT_EQ(Customer("cus_1", "event_id"), "evt_3");
}

TEST_F(UnreadTest, AnotherOfItsSecondIsDecidedByTheRowThatIsKnown) {
  Start();
  SendAndSettle(Event("evt_2", "cus_1", kReceivedAt, R"("name":"second")", "customer.updated", R"({"name":"first"})"));
  SendAndSettle(Event("evt_1", "cus_1", kReceivedAt, R"("name":"first")"));
  SendAndSettle(Event("evt_3", "cus_1", kReceivedAt, R"("name":"third")", "customer.updated", R"({"name":"second"})"));
  SendAndSettle(Event("evt_0", "cus_1", kReceivedAt - 1, R"("name":"old")"));
  EXPECT_EQ(statements_.Of("objects_load"), 0);
  EXPECT_EQ(statements_.Of("objects_replace"), 1);
  EXPECT_EQ(statements_.Of("objects_update"), 2) << "what is stale changes nothing";
  EXPECT_EQ(counts_.conflicts, 0);
  EXPECT_EQ(counts_.Of(EventOutcome::kStale), 2);
  EXPECT_EQ(Customer("cus_1", "name"), "third");
  EXPECT_EQ(QueryOne("SELECT jsonb_array_length(candidates) FROM stripe.objects WHERE scope = $1", {scope_}), "3");
}

TEST_F(UnreadTest, ARowThatIsNotKnownAnyMoreIsLookedAt) {
  rows_.rows.age_max = std::chrono::seconds(0);
  Start();
  SendAndSettle(Event("evt_1", "cus_1", kReceivedAt, R"("name":"first")"));
  SendAndSettle(Event("evt_2", "cus_1", kReceivedAt, R"("name":"second")", "customer.updated", R"({"name":"first"})"));
  EXPECT_EQ(statements_.Of("objects_load"), 1);
  EXPECT_EQ(counts_.conflicts, 0);
  EXPECT_EQ(Customer("cus_1", "name"), "second");
}

/// As by the owner of another partition, in which the object's earlier events are.
TEST_F(UnreadTest, ARowThatSomebodyElseHasWrittenIsFoundOut) {
  Start();
  SendAndSettle(Event("evt_1", "cus_1", kReceivedAt, R"("name":"first")"));
  Query("UPDATE stripe.objects SET event_created = to_timestamp($2), data = '{\"name\": \"theirs\"}' WHERE scope = $1",
        {scope_, std::to_string(kReceivedAt + 1)});
  SendAndSettle(Event("evt_2", "cus_1", kReceivedAt, R"("name":"second")", "customer.updated", R"({"name":"first"})"));
  EXPECT_EQ(counts_.conflicts, 1);
  EXPECT_EQ(statements_.Of("objects_load"), 1);
  EXPECT_EQ(Inbox("evt_2"), "stale");
  EXPECT_EQ(Customer("cus_1", "name"), "theirs");
}

TEST_F(UnreadTest, SeveralEventsOfAnObjectAreDecidedByTheRowThatIsKnown) {
  Start();
  SendAndSettle(Event("evt_0", "cus_1", kReceivedAt, R"("name":"first")"));
  Stop();
  for (int i = 1; i < 4; ++i) Send(Event("evt_" + std::to_string(i), "cus_1", kReceivedAt + i));
  Start();
  ASSERT_TRUE(Eventually([&] { return Settled(4); }));
  const int looks = statements_.Of("objects_load");
  EXPECT_LE(looks, 1) << "of a worker that knows nothing yet, if several came at once";
  for (int i = 4; i < 7; ++i) Send(Event("evt_" + std::to_string(i), "cus_1", kReceivedAt + i));
  ASSERT_TRUE(Eventually([&] { return Settled(7); }));
  EXPECT_EQ(statements_.Of("objects_load"), looks);
  EXPECT_EQ(Customer("cus_1", "event_id"), "evt_6");
}

/// What the worker has never seen, or forgotten: the row is not touched, and decides after all.
TEST_F(UnreadTest, AnEventThatIsNotTheNewestIsFoundOut) {
  Start();
  SendAndSettle(Event("evt_1", "cus_1", kReceivedAt, R"("name":"first")"));
  SendAndSettle(Event("evt_2", "cus_1", kReceivedAt + 1, R"("name":"second")"));
  SendAndSettle(Event("evt_3", "cus_2", kReceivedAt, R"("name":"gone")", "customer.deleted"));
  StartAnew();
  SendAndSettle(Event("evt_4", "cus_1", kReceivedAt, R"("name":"late")"));
  EXPECT_EQ(counts_.conflicts, 1);
  StartAnew();
  SendAndSettle(
      Event("evt_5", "cus_1", kReceivedAt + 1, R"("name":"third")", "customer.updated", R"({"name":"second"})"));
  EXPECT_EQ(counts_.conflicts, 2);
  StartAnew();
  SendAndSettle(Event("evt_6", "cus_2", kReceivedAt + 9, R"("name":"back")"));
  EXPECT_EQ(counts_.conflicts, 3);
  EXPECT_EQ(counts_.Of(EventOutcome::kApplied), 4);
  EXPECT_EQ(counts_.Of(EventOutcome::kStale), 2);
  EXPECT_EQ(Inbox("evt_4"), "stale");
  EXPECT_EQ(Customer("cus_1", "name"), "third");
  EXPECT_EQ(Customer("cus_2", "deleted"), "t");
}

TEST_F(UnreadTest, AfterAWrongGuessAllIsReadForAWhile) {
  Start();
  SendAndSettle(Event("evt_1", "cus_1", kReceivedAt + 1));
  rows_.stale.careful_events = 1;
  StartAnew();
  SendAndSettle(Event("evt_2", "cus_2", kReceivedAt));  // the first, with care
  EXPECT_EQ(statements_.Of("objects_load"), 1);
  SendAndSettle(Event("evt_3", "cus_1", kReceivedAt));  // the surprise, and the look
  EXPECT_EQ(counts_.conflicts, 1);
  EXPECT_EQ(statements_.Of("objects_load"), 2);
  for (int i = 0; i < 3; ++i) SendAndSettle(Event("evt_4" + std::to_string(i), "cus_3", kReceivedAt + i));
  EXPECT_EQ(statements_.Of("objects_load"), 4) << "two more, and then no more";
}

TEST_F(UnreadTest, AWorkerThatWasTakenOverCommitsNothingAndJoinsAnew) {
  Start();
  SendAndSettle(Event("evt_1", "cus_1", kReceivedAt));
  Query("UPDATE keystrand.partition_leases SET epoch = epoch + 1, owner = 'other' WHERE topic = $1", {events_});
  SendAndSettle(Event("evt_2", "cus_1", kReceivedAt + 1));
  EXPECT_GE(counts_.fenced, 1) << "by the batch or, if that was first, by the position";
  EXPECT_EQ(Customer("cus_1", "event_id"), "evt_2");
  EXPECT_EQ(counts_.Of(EventOutcome::kApplied), 2);
}

TEST_F(UnreadTest, WhatFailsWritesNothingAndIsTriedAgain) {
  Scripted scripted(handlers::Handler::AfterDeath::kContinue);
  handlers_ = {&scripted, &mirror_};
  scripted.Fail("evt_1", ErrorCode::kInternal, 1);
  Start();
  SendAndSettle(Event("evt_1", "cus_1", kReceivedAt));
  EXPECT_EQ(statements_.Of("lease_assert"), 1) << "the first try, alone; what was tried before is looked up";
  EXPECT_EQ(statements_.Of("objects_replace"), 0);
  EXPECT_EQ(counts_.Of(EventOutcome::kApplied), 1);
  EXPECT_EQ(QueryOne("SELECT attempts FROM keystrand.inbox WHERE scope = $1", {scope_}), "2");
  Stop();
}

/// Few customers, whose events come in any order, some of one second, some the last that there can be.
std::vector<std::string> Story(std::uint32_t seed, const std::string& account) {
  std::mt19937 dice(seed);
  const std::array<std::string, 4> types = {"customer.updated", "customer.updated", "customer.created",
                                            "customer.deleted"};
  std::vector<std::string> story;
  for (int i = 0; i < 40; ++i) {
    const auto name = std::to_string(dice() % 3);
    const auto& type = types.at(dice() % 20 == 0 ? 3 : dice() % 3);
    story.push_back(R"({"id":"evt_)" + std::to_string(dice() % 30) + R"(","object":"event","account":")" + account +
                    R"(","created":)" + std::to_string(kReceivedAt + dice() % 6) + R"(,"livemode":false,"type":")" +
                    type + R"(","data":{"object":{"id":"cus_)" + std::to_string(dice() % 5) +
                    R"(","object":"customer","name":")" + name + R"("},"previous_attributes":{"name":")" +
                    std::to_string(dice() % 3) + R"("}}})");
  }
  return story;
}

std::vector<std::vector<std::string>> EndOf(const std::string& account) {
  return Query(
      "SELECT id, event_id, event_created::text, deleted::text, data::text, jsonb_array_length(candidates)::text "
      "FROM stripe.objects WHERE scope = $1 UNION ALL "
      "SELECT event_id, status, attempts::text, '', '', '' FROM keystrand.inbox WHERE scope = $1 ORDER BY 1",
      {"test/" + account});
}

/// Event by event the same as with a look at every row, whatever is remembered.
class AnyStory : public UnreadTest, public testing::WithParamInterface<std::uint32_t> {};

TEST_P(AnyStory, EndsAsIfAllHadBeenRead) {
  const auto run = [&](const std::string& account, memory::RowMemory::Settings rows) {
    rows_ = rows;
    StartAnew();
    for (const auto& body : Story(GetParam(), account)) SendAndSettle(body);
    return EndOf(account);
  };
  const auto read = run(account_ + "read", {.events_max = 0});
  EXPECT_EQ(statements_.Of("objects_replace"), 0);
  const auto known = run(account_ + "known", {.stale = {.careful_events = 0}});
  EXPECT_EQ(counts_.conflicts, 0);
  EXPECT_GT(statements_.Of("objects_replace"), 0);
  const int looks = statements_.Of("objects_load");
  const auto guessed = run(account_ + "guessed", {.stale = {.careful_events = 0}, .rows = {.bytes_max = 0}});
  EXPECT_GT(statements_.Of("objects_load"), looks) << "rows that are not known";
  const int conflicts = counts_.conflicts;
  const auto forgetful = run(account_ + "forgetful", {.stale = {.careful_events = 0, .objects = 0}});
  EXPECT_GT(counts_.conflicts, conflicts) << "guesses that were wrong";
  EXPECT_EQ(known, read);
  EXPECT_EQ(guessed, read);
  EXPECT_EQ(forgetful, read);
}

INSTANTIATE_TEST_SUITE_P(Seeds, AnyStory, testing::Values(1, 2, 3));

}  // namespace
}  // namespace keystrand::worker::engine
