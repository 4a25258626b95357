#include "worker/engine/engine.h"

#include <algorithm>
#include <array>

#include "common/kafka/consumer.h"
#include "tests/integration/engine_fixture.h"
#include "worker/store/leases.h"

namespace keystrand::worker::engine {
namespace {

TEST_F(EngineTest, AppliesEachEventOnceAndKeepsTheNewestSnapshot) {
  Start();
  Send(Event("evt_1", "cus_1", 100, R"("email":"old@example.com")"));
  Send(Event("evt_3", "cus_1", 300, R"("email":"new@example.com")"));
  Send(Event("evt_2", "cus_1", 200, R"("email":"late@example.com")"));
  Send(Event("evt_3", "cus_1", 300, R"("email":"new@example.com")"));
  ASSERT_TRUE(Eventually([&] { return Settled(4); }));
  EXPECT_EQ(counts_.Of(EventOutcome::kApplied), 2);
  EXPECT_EQ(counts_.Of(EventOutcome::kStale), 1);
  EXPECT_EQ(counts_.Of(EventOutcome::kDuplicate), 1);
  EXPECT_EQ(Customer("cus_1", "email"), "new@example.com");
  EXPECT_EQ(Inbox("evt_1"), "applied");
  EXPECT_EQ(Inbox("evt_2"), "stale");
}

TEST_F(EngineTest, ATombstoneIsNeverBroughtBack) {
  Start();
  Send(Event("evt_1", "cus_1", 100, R"("email":"a@example.com")", "customer.deleted"));
  Send(Event("evt_2", "cus_1", 900, R"("email":"b@example.com")", "customer.updated"));
  Send(Event("evt_0", "cus_1", 50, R"("email":"c@example.com")", "customer.created"));
  ASSERT_TRUE(Eventually([&] { return Settled(3); }));
  EXPECT_EQ(Customer("cus_1", "deleted"), "t");
  EXPECT_EQ(Customer("cus_1", "email"), "a@example.com");
}

/// Three changes of one second, in every order, one at a time so that each meets the stored row: the same end.
TEST_F(EngineTest, OneSecondsEventsEndAlikeInEveryOrderOfArrival) {
  Start();
  const std::array<std::string, 3> names = {"first", "second", "third"};
  const auto event = [&](std::size_t i, const std::string& customer) {
    const auto previous = i == 0 ? "" : R"({"name":")" + names.at(i - 1) + R"("})";
    return Event("evt_" + customer + "_" + std::to_string(i), customer, 100, R"("name":")" + names.at(i) + R"(")",
                 "customer.updated", previous);
  };
  std::array<std::size_t, 3> order = {0, 1, 2};
  int sent = 0;
  do {
    const auto customer = "cus_" + std::to_string(sent);
    for (const auto i : order) {
      Send(event(i, customer));
      ++sent;
      ASSERT_TRUE(Eventually([&] { return Settled(sent); }));
    }
    EXPECT_EQ(Customer(customer, "name"), "third") << order[0] << order[1] << order[2];
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_F(EngineTest, WhatCannotBeReadBecomesADeadLetterWithItsBytes) {
  Start();
  const std::string body = std::string("{\"id\":\"evt_\xff") + std::string("\0\n", 2);
  const auto position = Send(body);
  ASSERT_TRUE(Eventually([&] { return counts_.dead == 1; }));
  const auto rows = Query(
      "SELECT source_offset, error_code, stage, status, encode(payload, 'hex'), published_at IS NOT NULL "
      "FROM keystrand.dead_letters WHERE source_topic = $1",
      {events_});
  ASSERT_EQ(rows.size(), 1U);
  std::string hex;
  for (const char c : body) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x", static_cast<unsigned char>(c));
    hex += digits.data();
  }
  EXPECT_EQ(rows[0],
            (std::vector<std::string>{std::to_string(position.offset), "malformed", "parse", "open", hex, "t"}));
}

/// A number that only PostgreSQL refuses, among good events of other and of the same customer.
TEST_F(EngineTest, ADataErrorOfTheDatabaseKillsItsOwnEventOnly) {
  for (int i = 0; i < 20; ++i) {
    const auto customer = "cus_" + std::to_string(i % 5);
    const bool bad = i == 17;  // the newest of its customer: an older one would never reach the database
    Send(Event("evt_" + std::to_string(i), customer, 100 + i, bad ? R"("balance":1e200000)" : R"("balance":1)"));
  }
  Start();
  ASSERT_TRUE(Eventually([&] { return Settled(20); }));
  EXPECT_EQ(counts_.dead, 1);
  EXPECT_GT(counts_.bisects, 0);
  EXPECT_EQ(Inbox("evt_17"), "dead");
  EXPECT_EQ(Customer("cus_2", "event_id"), "evt_12");
  EXPECT_EQ(counts_.Of(EventOutcome::kApplied), 19);
}

TEST_F(EngineTest, ANulInANameIsStoredAsTheReplacementCharacter) {
  Start();
  Send(Event("evt_1", "cus_1", 100, R"("name":"a\u0000b\\u0000")"));
  ASSERT_TRUE(Eventually([&] { return Settled(1); }));
  EXPECT_EQ(Customer("cus_1", "name"),
            "a\xEF\xBF\xBD"
            R"(b\u0000)");
}

TEST_F(EngineTest, OnlyWhatMayBeKnownIsLookedUp) {
  careful_events_ = 1;
  Start();
  Send(Event("evt_1", "cus_1", kReceivedAt));
  ASSERT_TRUE(Eventually([&] { return Settled(1); }));
  EXPECT_EQ(statements_.Of("inbox_known"), 1) << "what came first";
  Send(Event("evt_2", "cus_1", kReceivedAt + 1));
  ASSERT_TRUE(Eventually([&] { return Settled(2); }));
  EXPECT_EQ(statements_.Of("inbox_known"), 1);
  Send(Event("evt_2", "cus_1", kReceivedAt + 1));
  ASSERT_TRUE(Eventually([&] { return Settled(3); }));
  EXPECT_EQ(statements_.Of("inbox_known"), 2) << "what was settled lately";
  Send(Event("evt_3", "cus_1", kReceivedAt - 3600));
  ASSERT_TRUE(Eventually([&] { return Settled(4); }));
  EXPECT_EQ(statements_.Of("inbox_known"), 3) << "what came late";
  EXPECT_EQ(counts_.Of(EventOutcome::kDuplicate), 1);
  EXPECT_EQ(counts_.conflicts, 0);
}

/// As after a takeover: another worker settled it, and nothing about its copy looks suspicious. With few events the
/// rows are inserted, with many they are copied.
class UnsuspectedDuplicate : public EngineTest, public testing::WithParamInterface<int> {};

TEST_P(UnsuspectedDuplicate, IsADuplicateAndChangesNothing) {
  const int others = GetParam();
  Start();
  Send(Event("evt_known", "cus_1", kReceivedAt, R"("name":"first")"));
  ASSERT_TRUE(Eventually([&] { return Settled(1); }));
  Stop();
  careful_events_ = 0;
  for (int i = 0; i < others; ++i) {
    Send(Event("evt_" + std::to_string(i), "cus_" + std::to_string(i % 7 + 2), kReceivedAt + i));
  }
  Send(Event("evt_known", "cus_1", kReceivedAt + 1, R"("name":"copy")"));
  Start();
  ASSERT_TRUE(Eventually([&] { return Settled(others + 2); }));
  EXPECT_EQ(counts_.Of(EventOutcome::kDuplicate), 1);
  EXPECT_EQ(counts_.Of(EventOutcome::kApplied), others + 1);
  EXPECT_EQ(counts_.conflicts, 1);
  EXPECT_EQ(counts_.dead, 0);
  EXPECT_EQ(Customer("cus_1", "name"), "first");
  EXPECT_EQ(QueryOne("SELECT count(*) FROM keystrand.inbox WHERE scope = $1", {scope_}), std::to_string(others + 1));
}

INSTANTIATE_TEST_SUITE_P(FewAndMany, UnsuspectedDuplicate, testing::Values(3, 200));

TEST_F(EngineTest, GoesOnWhereItStoppedAndReleasesItsLeases) {
  Start();
  Send(Event("evt_1", "cus_1", 100));
  ASSERT_TRUE(Eventually([&] { return Settled(1); }));
  Stop();
  EXPECT_EQ(
      QueryOne("SELECT count(*) FROM keystrand.partition_leases WHERE topic = $1 AND released_at IS NULL", {events_}),
      "0");
  EXPECT_EQ(QueryOne("SELECT sum(next_offset) FROM keystrand.partition_leases WHERE topic = $1", {events_}), "1");
  Start();
  Send(Event("evt_2", "cus_1", 200));
  ASSERT_TRUE(Eventually([&] { return Settled(2); }));
  EXPECT_EQ(counts_.Of(EventOutcome::kApplied), 2);
  EXPECT_EQ(counts_.Of(EventOutcome::kRedelivered), 0);
}

TEST_F(EngineTest, ADatabaseThatWentBackRewindsTheConsumption) {
  Start();
  for (int i = 0; i < 5; ++i) Send(Event("evt_" + std::to_string(i), "cus_1", 100 + i));
  ASSERT_TRUE(Eventually([&] { return Settled(5); }));
  Stop();
  // As after the restore of a backup: rows, inbox and position are those of an earlier time.
  Query("DELETE FROM keystrand.inbox WHERE scope = $1 AND event_id IN ('evt_3', 'evt_4')", {scope_});
  Query("UPDATE stripe.objects SET event_created = to_timestamp(102), event_id = 'evt_2' WHERE scope = $1", {scope_});
  Query("UPDATE keystrand.partition_leases SET next_offset = 2 WHERE topic = $1 AND next_offset = 5", {events_});
  Start();
  ASSERT_TRUE(Eventually([&] { return Settled(8); }));
  EXPECT_EQ(counts_.rewound, 1);
  EXPECT_EQ(counts_.Of(EventOutcome::kRedelivered), 1);
  EXPECT_EQ(counts_.Of(EventOutcome::kApplied), 7);
  EXPECT_EQ(Customer("cus_1", "event_id"), "evt_4");
}

TEST_F(EngineTest, AWorkerThatWasTakenOverCommitsNothingAndJoinsAnew) {
  Start();
  Send(Event("evt_1", "cus_1", 100));
  ASSERT_TRUE(Eventually([&] { return Settled(1); }));
  Query("UPDATE keystrand.partition_leases SET epoch = epoch + 1, owner = 'other' WHERE topic = $1", {events_});
  Send(Event("evt_2", "cus_1", 200));
  ASSERT_TRUE(Eventually([&] { return counts_.fenced > 0; }));
  ASSERT_TRUE(Eventually([&] { return Settled(2); }));
  EXPECT_EQ(Customer("cus_1", "event_id"), "evt_2");
  EXPECT_EQ(counts_.Of(EventOutcome::kApplied), 2);
}

TEST_F(EngineTest, EventsWithoutAnObjectAreIgnoredWithTheReason) {
  Start();
  Send(R"({"id":"evt_1","object":"v2.core.event","type":"v1.customer.updated","livemode":false,"context":")" +
       account_ + R"(","created":"2026-01-01T00:00:00.000Z","related_object":{"id":"cus_1","type":"customer"}})");
  ASSERT_TRUE(Eventually([&] { return Settled(1); }));
  EXPECT_EQ(counts_.Of(EventOutcome::kIgnored), 1);
  EXPECT_EQ(QueryOne("SELECT reason FROM keystrand.inbox WHERE scope = $1", {scope_}), "no_object");
}

}  // namespace
}  // namespace keystrand::worker::engine
