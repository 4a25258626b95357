#include "tests/bench/from_memory/batches.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

namespace keystrand::bench {
namespace {

constexpr std::int32_t kPartitions = 4;
constexpr std::size_t kDeliveries = 2000;

std::unique_ptr<MemoryTopic> Topic() {
  const auto event = EventTemplate::Read(KEYSTRAND_BENCH_TEMPLATE);
  const auto plan = PlanDeliveries({.deliveries = kDeliveries, .customers = 100});
  const RunIdentity run{.tag = "test0001",
                        .first_created = std::chrono::sys_seconds(std::chrono::seconds(1'790'000'000))};
  auto topic = MemoryTopic::Read(plan, *event, run, kPartitions);
  EXPECT_TRUE(topic) << topic.error().detail;
  return *std::move(topic);
}

TEST(MemoryTopicTest, GivesEachDeliveryOnceAndEachPartitionInOrder) {
  const auto topic = Topic();
  std::map<std::int32_t, std::int64_t> next;
  std::map<std::string, std::set<std::int32_t>> partitions_of;
  std::size_t taken = 0;
  while (const auto batch = topic->Take(50)) {
    EXPECT_LE(batch->deliveries.size(), 50U);
    for (const auto* delivery : batch->deliveries) {
      EXPECT_EQ(delivery->offset, next[batch->partition]++);
      EXPECT_FALSE(delivery->event.envelope.id.empty());
      partitions_of[delivery->key].insert(batch->partition);
      ++taken;
    }
    topic->Return(*batch);
  }
  EXPECT_EQ(taken, kDeliveries);
  EXPECT_EQ(next.size(), static_cast<std::size_t>(kPartitions));
  for (const auto& [key, partitions] : partitions_of) EXPECT_EQ(partitions.size(), 1U) << key;
}

TEST(MemoryTopicTest, APartitionIsInOneBatchAtATime) {
  const auto topic = Topic();
  std::set<std::int32_t> taken;
  std::vector<MemoryBatch> batches;
  while (auto batch = topic->Take(1)) {
    EXPECT_TRUE(taken.insert(batch->partition).second);
    batches.push_back(*std::move(batch));
  }
  EXPECT_EQ(taken.size(), static_cast<std::size_t>(kPartitions));
  topic->Return(batches.front());
  const auto again = topic->Take(1);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->partition, batches.front().partition);
}

}  // namespace
}  // namespace keystrand::bench
