#include "worker/memory/stale_check.h"

#include <gtest/gtest.h>

namespace keystrand::worker::memory {
namespace {

using handlers::Objects;
using handlers::Rank;
using handlers::RowKeys;
using store::ObjectKey;
using store::ObjectRow;

constexpr std::int64_t kNow = 1'700'000'000;  // Unix s
const ObjectKey kCustomer{"live/self", "customer", "cus_1"};

RowKeys NeedOf(std::int64_t created, const ObjectKey& key = kCustomer) {
  RowKeys keys;
  keys.NeedObjectUnlessLower(key, {false, false, created});
  return keys;
}

Objects Stored(std::int64_t created, const ObjectKey& key = kCustomer) {
  Objects objects;
  objects.Load(ObjectRow{key, {}, created, {}});
  return objects;
}

bool Suspects(const StaleCheck& check, const RowKeys& keys) {
  const auto& [key, use] = *keys.objects.begin();
  return check.Suspects(key, use);
}

TEST(StaleCheckTest, SuspectsWhereAnEventOfTheSameOrAHigherRankWasSeen) {
  StaleCheck check({.careful_events = 0});
  EXPECT_FALSE(Suspects(check, NeedOf(kNow)));
  check.Remember(Stored(kNow));
  EXPECT_TRUE(Suspects(check, NeedOf(kNow)));
  EXPECT_FALSE(Suspects(check, NeedOf(kNow + 1)));
  EXPECT_FALSE(Suspects(check, NeedOf(kNow, {"live/self", "customer", "cus_2"})));
}

TEST(StaleCheckTest, SuspectsWhatAHandlerHasToSee) {
  const StaleCheck check({.careful_events = 0});
  RowKeys keys;
  keys.NeedObject(kCustomer, kNow);
  EXPECT_TRUE(Suspects(check, keys));
}

TEST(StaleCheckTest, IsCarefulUntilEnoughEventsInARowWereNoSurprise) {
  StaleCheck check({.careful_events = 10, .careful_events_max = 1000});
  check.Learn(NeedOf(kNow), 6, Stored(kNow - 1));
  EXPECT_TRUE(check.IsCareful());
  check.Learn(NeedOf(kNow), 6, {});
  EXPECT_FALSE(check.IsCareful());
  check.Learn(NeedOf(kNow), 1, Stored(kNow));
  EXPECT_TRUE(check.IsCareful());
  check.Learn(NeedOf(kNow), 19, {});
  EXPECT_TRUE(check.IsCareful()) << "twice as many";
  check.Learn(NeedOf(kNow), 1, {});
  EXPECT_FALSE(check.IsCareful());
}

TEST(StaleCheckTest, WhatItSuspectedIsNoSurprise) {
  StaleCheck check({.careful_events = 1});
  check.Learn(NeedOf(kNow), 1, {});
  check.Remember(Stored(kNow));
  check.Learn(NeedOf(kNow), 1, Stored(kNow));
  EXPECT_FALSE(check.IsCareful());
  RowKeys needed;
  needed.NeedObject({"live/self", "customer", "cus_2"}, kNow);
  check.Learn(needed, 1, Stored(kNow, {"live/self", "customer", "cus_2"}));
  EXPECT_FALSE(check.IsCareful());
  check.Learn(NeedOf(kNow, {"live/self", "customer", "cus_3"}), 1, Stored(kNow, {"live/self", "customer", "cus_3"}));
  EXPECT_TRUE(check.IsCareful());
}

}  // namespace
}  // namespace keystrand::worker::memory
