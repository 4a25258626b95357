#include "worker/memory/recent_events.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace keystrand::worker::memory {
namespace {

std::string IdOf(int number) { return "evt_1Pgc" + std::to_string(1'000'000 + number); }

int ForgottenOf(const RecentEvents& recent, int first, int last) {
  int forgotten = 0;
  for (int i = first; i < last; ++i) forgotten += recent.Knows(IdOf(i)) ? 0 : 1;
  return forgotten;
}

TEST(RecentEventsTest, RemembersAHundredThousandAndForgetsWhatIsOld) {
  RecentEvents recent;
  constexpr int kTold = 3'000'000;
  for (int i = 0; i < kTold; ++i) recent.Remember(IdOf(i));
  EXPECT_EQ(ForgottenOf(recent, kTold - 1000, kTold), 0);
  EXPECT_LT(ForgottenOf(recent, kTold - 100'000, kTold), 100);
  EXPECT_GT(ForgottenOf(recent, 0, 1000), 990);
  EXPECT_GT(ForgottenOf(recent, kTold, kTold + 100'000), 99'990) << "strangers";
}

TEST(RecentEventsTest, TakesManyThreads) {
  RecentEvents recent;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&recent, t] {
      for (int i = t * 10'000; i < (t + 1) * 10'000; ++i) {
        recent.Remember(IdOf(i));
        static_cast<void>(recent.Knows(IdOf(i + 1)));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LT(ForgottenOf(recent, 0, 40'000), 40);
}

}  // namespace
}  // namespace keystrand::worker::memory
