#include "worker/engine/duplicate_check.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "tests/fakes/fake_record.h"

namespace keystrand::worker::engine {
namespace {

const std::string kKey = "live/self/cus_1";
constexpr std::int64_t kNow = 1'700'000'000;  // Unix s

Item ItemOf(const std::string& id, std::int64_t created = kNow) {
  Item item;
  item.record = std::make_unique<FakeRecord>(kKey, 1, "{}");
  handlers::Event event;
  event.envelope.id = id;
  event.created = created;
  event.received_at_ms = kNow * 1000;
  item.event = std::make_unique<Result<handlers::Event>>(std::move(event));
  return item;
}

Entries Committed(Item& item, bool suspected, bool known) {
  Entry entry{nullptr, &item};
  entry.suspected = suspected;
  entry.known = known;
  entry.inbox = known ? Entry::InboxWrite::kNone : Entry::InboxWrite::kInsert;
  return {entry};
}

TEST(DuplicateCheckTest, SuspectsWhatHasAReasonToBeKnown) {
  const DuplicateCheck check({.careful_events = 0});
  EXPECT_FALSE(check.Suspects(ItemOf("evt_1")));
  EXPECT_FALSE(check.Suspects(ItemOf("evt_1", kNow - 600))) << "ten minutes may be a slow first delivery";
  EXPECT_TRUE(check.Suspects(ItemOf("evt_1", kNow - 601)));
  EXPECT_TRUE(check.Suspects(ItemOf("evt_1", std::numeric_limits<std::int64_t>::min())));
  EXPECT_FALSE(check.Suspects(ItemOf("evt_1", std::numeric_limits<std::int64_t>::max())));
  auto item = ItemOf("evt_1");
  item.attempts = 1;
  EXPECT_TRUE(check.Suspects(item));
  item = ItemOf("evt_1");
  item.in_doubt = true;
  EXPECT_TRUE(check.Suspects(item));
  item = ItemOf("evt_1");
  item.replay = std::make_unique<Replay>();
  EXPECT_TRUE(check.Suspects(item));
  item = ItemOf("evt_1");
  item.fate = std::make_unique<Fate>(Fate{Fate::Kind::kPark, Error{ErrorCode::kTimeout, ""}, ""});
  EXPECT_TRUE(check.Suspects(item));
}

TEST(DuplicateCheckTest, SuspectsWhatWasSettledLately) {
  DuplicateCheck check({.careful_events = 0});
  auto written = ItemOf("evt_1");
  check.Learn(Committed(written, false, false), false);
  auto found = ItemOf("evt_2");
  check.Learn(Committed(found, true, true), false);
  auto retried = ItemOf("evt_3");
  check.Learn({Entry{nullptr, &retried}}, false);
  EXPECT_TRUE(check.Suspects(ItemOf("evt_1")));
  EXPECT_TRUE(check.Suspects(ItemOf("evt_2")));
  EXPECT_FALSE(check.Suspects(ItemOf("evt_3"))) << "the inbox does not have it";
}

TEST(DuplicateCheckTest, IsCarefulUntilEnoughEventsInARowWereNoSurprise) {
  DuplicateCheck check({.careful_events = 3});
  auto fresh = ItemOf("evt_1");
  auto known = ItemOf("evt_2");
  const auto calm = Committed(fresh, false, false);
  EXPECT_TRUE(check.IsCareful());
  check.Learn(calm, true);
  check.Learn(calm, true);
  EXPECT_TRUE(check.IsCareful());
  check.Learn(Committed(known, false, true), true);
  check.Learn(calm, true);
  check.Learn(calm, true);
  EXPECT_TRUE(check.IsCareful()) << "counted anew since the surprise";
  check.Learn(Committed(known, true, true), true);
  EXPECT_FALSE(check.IsCareful()) << "what was suspected is no surprise";
  check.Learn(Committed(known, false, true), true);
  EXPECT_TRUE(check.IsCareful());
  for (int i = 0; i < 9; ++i) check.Learn(calm, false);
  EXPECT_TRUE(check.IsCareful()) << "who was not asked shows nothing";
}

int EventsUntilCalm(DuplicateCheck& check) {
  auto fresh = ItemOf("evt_1");
  int events = 0;
  for (; check.IsCareful(); ++events) check.Learn(Committed(fresh, false, false), true);
  return events;
}

TEST(DuplicateCheckTest, IsCarefulTwiceAsLongAfterEachGuessThatWasWrong) {
  DuplicateCheck check({.careful_events = 3, .careful_events_max = 10});
  auto known = ItemOf("evt_2");
  const auto surprise = Committed(known, false, true);
  EXPECT_EQ(EventsUntilCalm(check), 3);
  for (const int expected : {6, 10, 10}) {
    check.Learn(surprise, true);
    check.Learn(surprise, true);  // no guess: it was looked for
    EXPECT_EQ(EventsUntilCalm(check), expected);
  }
}

}  // namespace
}  // namespace keystrand::worker::engine
