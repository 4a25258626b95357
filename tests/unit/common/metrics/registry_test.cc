#include "common/metrics/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "common/metrics/table.h"
#include "tests/unit/common/metrics/exposition.h"

namespace keystrand::metrics {
namespace {

constexpr Name kCounter{"keystrand_test_total", "A test's"};

TEST(RegistryTest, ConcurrentIncrementsAllCount) {
  Registry registry;
  const Table<Counter, Origin> table(CountersOf(registry, kCounter), {"origin"},
                                     [](Origin origin) { return origin == Origin::kLive; });
  const auto histogram = registry.AddHistogram({"keystrand_test_seconds", "A test's"}, {}, {1, 2});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        table.At(Origin::kLive).Increment();
        table.At(Origin::kReplay).Increment(2);  // not made in advance: every thread asks for it
        histogram.Observe(1.5);
        if (i % 1000 == 0) (void)registry.Text();  // a scrape in between
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const auto samples = ParseExposition(registry.Text()).samples;
  EXPECT_EQ(samples.at("keystrand_test_total{origin=\"live\"}"), 20000);
  EXPECT_EQ(samples.at("keystrand_test_total{origin=\"replay\"}"), 40000);
  EXPECT_EQ(samples.at("keystrand_test_seconds_bucket{le=\"2\"}"), 20000);
  EXPECT_EQ(samples.at("keystrand_test_seconds_bucket{le=\"1\"}"), 0);
}

TEST(RegistryTest, ASeriesAskedForTwiceIsOne) {
  Registry registry;
  registry.AddGauge({"keystrand_test", "A test's"}, {{"a", "x"}}).Set(3);
  EXPECT_EQ(registry.AddGauge({"keystrand_test", "A test's"}, {{"a", "x"}}).Value(), 3);
}

TEST(RegistryTest, SourcesAreAskedAtEachScrape) {
  Registry registry;
  double value = 1;
  registry.AddSource([&] {
    return std::vector<Family>{{kCounter, Family::Type::kCounter, {{{{"a", "quote \" and \\"}}, value}}}};
  });
  EXPECT_THAT(registry.Text(), testing::HasSubstr("keystrand_test_total{a=\"quote \\\" and \\\\\"} 1\n"));
  value = 2;
  EXPECT_THAT(registry.Text(), testing::HasSubstr("} 2\n"));
}

TEST(RegistryDeathTest, ANameOfAnotherTypeAborts) {
  Registry registry;
  registry.AddCounter(kCounter);
  EXPECT_DEATH((void)registry.AddGauge(kCounter), "");
}

TEST(TableTest, EachCombinationIsItsOwnSeries) {
  Registry registry;
  const Table<Counter, Origin, EventOutcome> table(CountersOf(registry, kCounter), {"origin", "outcome"});
  double value = 0;
  for (const auto origin : {Origin::kLive, Origin::kReplay}) {
    for (std::size_t i = 0; i < kLabelValues<EventOutcome>.size(); ++i) {
      table.At(origin, static_cast<EventOutcome>(i)).Increment(++value);
    }
  }
  const auto samples = ParseExposition(registry.Text()).samples;
  EXPECT_EQ(samples.size(), 10U);
  EXPECT_EQ(samples.at("keystrand_test_total{origin=\"live\",outcome=\"applied\"}"), 1);
  EXPECT_EQ(samples.at("keystrand_test_total{origin=\"live\",outcome=\"dead_lettered\"}"), 5);
  EXPECT_EQ(samples.at("keystrand_test_total{origin=\"replay\",outcome=\"stale\"}"), 8);
}

}  // namespace
}  // namespace keystrand::metrics
