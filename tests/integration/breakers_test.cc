#include <algorithm>

#include "tests/integration/engine_fixture.h"
#include "tests/integration/scripted_handler.h"

namespace keystrand::worker::engine {
namespace {

constexpr int kBudget = 20;

class BreakersTest : public EngineTest {
 protected:
  BreakersTest() { handlers_ = {&scripted_, &mirror_}; }

  void SendOf(int number) {
    const auto n = std::to_string(number);
    Send(Event("evt_" + n, "cus_" + n, 100));
  }
  [[nodiscard]] std::string Breaker(std::string_view handler) const {
    return QueryOne("SELECT state FROM keystrand.breakers WHERE handler = $1", {std::string(handler)});
  }
  void Resume(std::string_view handler) {
    Query("UPDATE keystrand.breakers SET state = 'closed', tokens = 20 WHERE handler = $1", {std::string(handler)});
  }
  [[nodiscard]] std::string Waiting() const {
    return QueryOne(
        "SELECT count(*) FROM keystrand.strands s JOIN keystrand.parked_events p USING (topic, ordering_key) "
        "WHERE s.topic = $1 AND s.reason = 'breaker' AND p.attempts = 0 AND p.next_attempt_at IS NULL",
        {events_});
  }

  Scripted scripted_{handlers::Handler::AfterDeath::kContinue};
};

TEST_F(BreakersTest, TooManyDeadLettersStopTheirHandlerAndTheRestWaitsUncounted) {
  constexpr int kEvents = kBudget + 5;
  for (int i = 0; i < kEvents; ++i) scripted_.Fail("evt_" + std::to_string(i), ErrorCode::kUnsupported, kForEver);
  Start();
  for (int i = 0; i < kEvents; ++i) {
    SendOf(i);
    ASSERT_TRUE(Eventually([&] { return counts_.dead + counts_.parked > i; })) << i;  // each in its own batch
  }
  EXPECT_EQ(counts_.dead, kBudget);
  EXPECT_EQ(Breaker(scripted_.Name()), "open");
  EXPECT_EQ(Waiting(), "5");
  EXPECT_EQ(engine_->Status().open_breakers, std::vector<std::string>{std::string(scripted_.Name())});

  for (int i = kBudget; i < kEvents; ++i) scripted_.Fail("evt_" + std::to_string(i), ErrorCode::kUnsupported, 0);
  Resume(scripted_.Name());
  EXPECT_TRUE(Eventually([&] { return counts_.Of(EventOutcome::kApplied) == 5; }));
  EXPECT_EQ(Waiting(), "0");
  EXPECT_TRUE(engine_->Status().open_breakers.empty());
}

TEST_F(BreakersTest, SuccessesEarnTokens) {
  Start();
  constexpr int kGood = 200;  // worth four
  for (int i = 0; i < kGood; ++i) SendOf(i);
  ASSERT_TRUE(Eventually([&] { return counts_.Of(EventOutcome::kApplied) == kGood; }));
  Query("INSERT INTO keystrand.breakers (handler, tokens) VALUES ($1, 1)", {std::string(scripted_.Name())});
  for (int i = kGood; i < kGood + 5; ++i) {
    EXPECT_EQ(Breaker(scripted_.Name()), "closed") << i;
    scripted_.Fail("evt_" + std::to_string(i), ErrorCode::kUnsupported, kForEver);
    SendOf(i);
    ASSERT_TRUE(Eventually([&] { return counts_.dead > i - kGood; }));
  }
  EXPECT_EQ(Breaker(scripted_.Name()), "open");
}

/// `keystrand breaker accept 100`: more may die than a handler has tokens by itself.
TEST_F(BreakersTest, WhatAnOperatorAcceptsIsNotCappedAway) {
  Query("INSERT INTO keystrand.breakers (handler, tokens) VALUES ($1, 100)", {std::string(scripted_.Name())});
  scripted_.Fail("evt_1", ErrorCode::kUnsupported, kForEver);
  Start();
  SendOf(1);
  ASSERT_TRUE(Eventually([&] { return counts_.dead == 1; }));
  EXPECT_EQ(
      QueryOne("SELECT trim_scale(tokens) FROM keystrand.breakers WHERE handler = $1", {std::string(scripted_.Name())}),
      "99");
}

TEST_F(BreakersTest, AMissingTableStopsTheHandlersThatWriteItAndKillsNothing) {
  Start();
  SendOf(1);
  ASSERT_TRUE(Eventually([&] { return Inbox("evt_1") == "applied"; }));
  Query("ALTER TABLE stripe.objects RENAME TO objects_away");
  SendOf(2);
  SendOf(3);
  EXPECT_TRUE(Eventually([&] { return Inbox("evt_2") == "parked" && Inbox("evt_3") == "parked"; }));
  EXPECT_EQ(Breaker("mirror"), "open");
  EXPECT_FALSE(engine_->Status().misdeployed) << "the worker is well: it parks";
  Query("ALTER TABLE stripe.objects_away RENAME TO objects");
  Resume("mirror");
  EXPECT_TRUE(Eventually([&] { return Inbox("evt_2") == "applied" && Inbox("evt_3") == "applied"; }));
  EXPECT_EQ(counts_.dead, 0);
}

}  // namespace
}  // namespace keystrand::worker::engine
