#include "worker/memory/recent_objects.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <thread>
#include <vector>

namespace keystrand::worker::memory {
namespace {

using handlers::Rank;
using store::ObjectKey;

constexpr std::int64_t kNow = 1'700'000'000;  // Unix s
const ObjectKey kCustomer{"live/self", "customer", "cus_1"};

TEST(RecentObjectsTest, KnowsTheRankThatAnObjectHasReached) {
  RecentObjects recent(1024);
  EXPECT_FALSE(recent.HasReached(kCustomer, {false, false, kNow}));
  recent.Remember(kCustomer, {false, false, kNow});
  EXPECT_TRUE(recent.HasReached(kCustomer, {false, false, kNow - 1}));
  EXPECT_TRUE(recent.HasReached(kCustomer, {false, false, kNow}));
  EXPECT_FALSE(recent.HasReached(kCustomer, {false, false, kNow + 1}));
  EXPECT_FALSE(recent.HasReached(kCustomer, {false, true, kNow - 1000})) << "a terminal state is above";
  EXPECT_FALSE(recent.HasReached({"test/self", "customer", "cus_1"}, {false, false, kNow}));
  EXPECT_FALSE(recent.HasReached({"live/self", "invoice", "cus_1"}, {false, false, kNow}));
  EXPECT_FALSE(recent.HasReached({"live/self", "customer", "cus_2"}, {false, false, kNow}));
}

TEST(RecentObjectsTest, NeverGoesBack) {
  RecentObjects recent(1024);
  recent.Remember(kCustomer, {true, false, kNow});
  recent.Remember(kCustomer, {false, true, kNow + 1000});
  EXPECT_TRUE(recent.HasReached(kCustomer, {true, false, kNow}));
  EXPECT_FALSE(recent.HasReached(kCustomer, {true, true, 0}));
}

TEST(RecentObjectsTest, TakesTimesThatNobodyHas) {
  using Limits = std::numeric_limits<std::int64_t>;
  RecentObjects recent(1024);
  recent.Remember(kCustomer, {false, false, Limits::min()});
  EXPECT_TRUE(recent.HasReached(kCustomer, {false, false, Limits::min()}));
  EXPECT_TRUE(recent.HasReached(kCustomer, {false, false, -1})) << "all that is before 1970 is one";
  EXPECT_FALSE(recent.HasReached(kCustomer, {false, false, kNow}));
  recent.Remember(kCustomer, {false, false, Limits::max()});
  EXPECT_TRUE(recent.HasReached(kCustomer, {false, false, Limits::max() - 1}));
  EXPECT_TRUE(recent.HasReached(kCustomer, {false, false, Limits::max()}));
  EXPECT_FALSE(recent.HasReached(kCustomer, {false, true, 0}));
}

std::string IdOf(int number) { return "ch_1Pgc" + std::to_string(1'000'000 + number); }

int KnownOf(const RecentObjects& recent, int first, int last) {
  int known = 0;
  for (int i = first; i < last; ++i) {
    known += recent.HasReached({"live/self", "charge", IdOf(i)}, {false, false, 0}) ? 1 : 0;
  }
  return known;
}

TEST(RecentObjectsTest, RemembersTheLastOfThemAndForgetsWhatIsOld) {
  constexpr int kObjects = 1 << 14;
  RecentObjects recent(kObjects);
  constexpr int kTold = 10 * kObjects;
  for (int i = 0; i < kTold; ++i) recent.Remember({"live/self", "charge", IdOf(i)}, {false, false, kNow});
  EXPECT_EQ(KnownOf(recent, kTold - 100, kTold), 100);
  EXPECT_GT(KnownOf(recent, kTold - kObjects / 4, kTold), kObjects / 4 * 9 / 10);
  EXPECT_LT(KnownOf(recent, 0, kObjects), kObjects / 100);
  EXPECT_LT(KnownOf(recent, kTold, kTold + 100'000), 10) << "strangers";
}

TEST(RecentObjectsTest, KeepsWhatIsToldAgain) {
  RecentObjects recent(4);  // one place for all
  recent.Remember(kCustomer, {false, false, kNow});
  for (int i = 0; i < 12; ++i) {
    if (i % 3 == 0) recent.Remember(kCustomer, {false, false, kNow + i});
    recent.Remember({"live/self", "charge", IdOf(i)}, {false, false, kNow});
  }
  EXPECT_TRUE(recent.HasReached(kCustomer, {false, false, kNow + 9}));
  EXPECT_EQ(KnownOf(recent, 9, 12), 3);
  EXPECT_EQ(KnownOf(recent, 0, 9), 0);
}

TEST(RecentObjectsTest, OfNoSizeRemembersNothing) {
  RecentObjects recent(0);
  recent.Remember(kCustomer, {false, false, kNow});
  EXPECT_FALSE(recent.HasReached(kCustomer, {false, false, kNow}));
}

TEST(RecentObjectsTest, TakesManyThreads) {
  RecentObjects recent(1 << 17);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&recent, t] {
      for (int i = t * 5'000; i < (t + 1) * 5'000; ++i) {
        recent.Remember({"live/self", "charge", IdOf(i)}, {false, false, kNow});
        static_cast<void>(KnownOf(recent, i, i + 2));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_GT(KnownOf(recent, 0, 20'000), 19'900);
}

}  // namespace
}  // namespace keystrand::worker::memory
