#include "worker/operator/event_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/stripe/sha256.h"

namespace keystrand::worker::op {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kNow = 1'795'489'959'000;
const store::SourcePosition kSource{"keystrand.events", 3, 17};
constexpr const char* kCanary = "canary@example.test";

store::SettledEvent Settled(const std::string& status) {
  store::SettledEvent event;
  event.key = {"live/self", "evt_1"};
  event.event_type = "invoice.paid";
  event.ordering_key = "live/self/cus_1";
  event.object_type = "invoice";
  event.object_id = "in_1";
  event.created_at_ms = kNow - 1000;
  event.received_at_ms = kNow;
  event.source = kSource;
  event.status = status;
  event.attempts = 1;
  event.settled_at_ms = kNow + 50;
  return event;
}

store::LetterState Letter() {
  store::LetterState letter;
  letter.source = kSource;
  letter.status = "open";
  letter.first_failed_at_ms = kNow + 10;
  letter.earlier = {{0, "handle", "timeout", "slow", 8, kNow + 20, "host:1"}};
  letter.last = {1, "handle", "rejected", "SQLSTATE 22003", 2, kNow + 90, "host:2"};
  letter.published_at_ms = kNow + 95;
  return letter;
}

kafka::StoredRecord Record(const std::string& event_id) {
  const std::string body = std::string("{\"email\":\"") + kCanary + "\"}";
  kafka::StoredRecord record{{3, 17}, kNow + 1, "live/self/cus_1", body, {}};
  record.headers = {{"event-id", event_id},
                    {"received-at", std::to_string(kNow)},
                    {"request-id", "req_1"},
                    {"endpoint", "default"},
                    {"signed-with", "primary"},
                    {"x-unknown", kCanary},
                    {"body-sha256", stripe::Sha256Hex(body)}};
  if (event_id.empty()) record.headers.erase(record.headers.begin());
  return record;
}

EventReport Report(const std::string& status) {
  EventReport report{"evt_1", "evt_1", {}, {FactsOf(kSource, "evt_1", Record("evt_1"))}};
  report.history.settled = {Settled(status)};
  return report;
}

std::vector<std::string> Happenings(const EventReport& report) {
  std::vector<std::string> all;
  for (const auto& moment : TimeLine(report)) all.push_back(moment.what);
  return all;
}

TEST(Position, IsReadAsItIsWritten) {
  EXPECT_EQ(PositionText(kSource), "keystrand.events/3/17");
  EXPECT_EQ(ParsePosition("keystrand.events/3/17"), kSource);
  for (const char* none : {"evt_1", "", "/", "//", "/3/17", "t/3", "t/3/", "t/x/1", "t/3/-1", "t/3/1x", "a/t/3/1"}) {
    EXPECT_EQ(ParsePosition(none), std::nullopt) << none;
  }
}

TEST(RecordFacts, HoldHeadersThatAreKnownAndNeverTheBody) {
  const auto facts = FactsOf(kSource, "evt_1", Record("evt_1"));
  EXPECT_EQ(facts.problem, "");
  EXPECT_TRUE(facts.digest_matches);
  EXPECT_EQ(facts.headers.size(), 6U);
  for (const auto& h : facts.headers) EXPECT_NE(h.name, "x-unknown");
}

TEST(RecordFacts, SeeABodyThatIsNotWhatWasSigned) {
  auto record = Record("evt_1");
  record.value += " ";
  EXPECT_FALSE(FactsOf(kSource, "evt_1", record).digest_matches);
}

TEST(RecordFacts, SayWhyThereAreNone) {
  EXPECT_THAT(FactsOf(kSource, "evt_1", std::nullopt).problem, HasSubstr("retention"));
  EXPECT_THAT(FactsOf(kSource, "evt_1", Record("evt_2")).problem, HasSubstr("another event's record"));
  EXPECT_THAT(FactsOf(kSource, "evt_1", Record("")).problem, HasSubstr("another event's record"));
  EXPECT_EQ(FactsOf(kSource, "", Record("")).problem, "");
}

TEST(TimeLine, TellsFromCreationToOutcome) {
  EXPECT_THAT(Happenings(Report("applied")),
              ElementsAre("created by Stripe",
                          "accepted by the receiver, endpoint default, request req_1, signed with the primary secret",
                          "queued at keystrand.events/3/17", "applied after 1 attempt, 50 ms after it was accepted"));
}

TEST(TimeLine, SaysThatAnEventWasImported) {
  auto record = Record("evt_1");
  record.headers[3].value = "import";
  record.headers[4].value = "none";
  auto report = Report("applied");
  report.records = {FactsOf(kSource, "evt_1", record)};
  EXPECT_THAT(Happenings(report), testing::Contains("imported by an operator, request req_1"));
}

TEST(TimeLine, TakesTheArrivalFromTheInboxWhereTheRecordIsGone) {
  auto report = Report("stale");
  report.records = {FactsOf(kSource, "evt_1", std::nullopt)};
  EXPECT_THAT(
      Happenings(report),
      ElementsAre("created by Stripe", "accepted by the receiver",
                  "stale after 1 attempt, 50 ms after it was accepted: a newer event of the object had been applied"));
}

TEST(TimeLine, TellsEachDeathAndWhatOperatorsDid) {
  auto report = Report("dead");
  report.history.settled[0].error_code = "rejected";
  report.history.letters = {Letter()};
  report.history.actions = {{kNow + 99, "sam", "event.payload_shown", "ticket 7", ""}};
  const auto all = Happenings(report);
  ASSERT_EQ(all.size(), 9U);
  EXPECT_EQ(all[3], "failed for the first time");
  EXPECT_EQ(all[4], "dead letter, cycle 0: timeout in stage handle after 8 attempts by host:1: slow");
  EXPECT_THAT(all[5], HasSubstr("dead after 1 attempt"));
  EXPECT_EQ(all[6], "dead letter, cycle 1: rejected in stage handle after 2 attempts by host:2: SQLSTATE 22003");
  EXPECT_EQ(all[7], "the dead letter is in its topic");
  EXPECT_EQ(all[8], "sam did event.payload_shown (ticket 7)");
}

TEST(TimeLine, NamesTheScopeWhereThereAreSeveral) {
  auto report = Report("applied");
  report.history.settled.push_back(Settled("applied"));
  report.history.settled[1].key.scope = "live/acct_1";
  EXPECT_THAT(Happenings(report), testing::Contains("live/acct_1: created by Stripe"));
  EXPECT_THAT(Happenings(report), testing::Contains("live/self: queued at keystrand.events/3/17"));
}

TEST(EventOutput, SaysWhichEventTheMirrorShows) {
  auto report = Report("applied");
  EXPECT_THAT(EventText(report), HasSubstr("invoice in_1: not in the mirror"));
  report.history.settled[0].object = {"invoice", "in_1", "evt_1", "invoice.paid", kNow, true, false};
  EXPECT_THAT(EventText(report), HasSubstr("invoice in_1: the mirror shows this event (final)"));
  EXPECT_THAT(EventJson(report), HasSubstr(R"("mirror":{"shows_this_event":true)"));
  report.history.settled[0].object->event_id = "evt_9";
  EXPECT_THAT(EventText(report), HasSubstr("the mirror shows evt_9, invoice.paid, created 2026-11-24 03:12:39.000"));
}

TEST(EventOutput, NeverShowsTheBodyOrUnknownHeaders) {
  auto report = Report("dead");
  report.history.letters = {Letter()};
  EXPECT_THAT(EventText(report), AllOf(HasSubstr("req_1"), Not(HasSubstr(kCanary))));
  EXPECT_THAT(EventJson(report), AllOf(HasSubstr("req_1"), Not(HasSubstr(kCanary))));
}

TEST(EventOutput, ShowsAnEventThatIsParked) {
  EventReport report{"evt_1", "evt_1", {}, {}};
  report.history.parked = {{kSource, "live/self", "live/self/cus_1", "waiting", 6, kNow, "missing_reference", "parked",
                            "retry", kNow - 5000}};
  EXPECT_THAT(EventText(report), AllOf(HasSubstr("Parked: waiting"), HasSubstr("parked, retry"),
                                       HasSubstr("next attempt  2026-11-24 03:12:39.000 UTC"),
                                       HasSubstr("its customer's strand was parked (retry)")));
  EXPECT_THAT(EventJson(report), HasSubstr(R"("strand_reason":"retry")"));
}

TEST(EventOutput, JsonOfAnUnknownEventSaysSo) {
  EXPECT_THAT(EventJson({"evt_0", "evt_0", {}, {}}), HasSubstr(R"("event_id":"evt_0","found":false)"));
}

}  // namespace
}  // namespace keystrand::worker::op
