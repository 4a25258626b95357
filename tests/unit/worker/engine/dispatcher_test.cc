#include "worker/engine/dispatcher.h"

#include <gtest/gtest.h>

#include <future>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/fakes/fake_record.h"

namespace keystrand::worker::engine {
namespace {

using std::chrono::milliseconds;

class DispatcherTest : public testing::Test {
 protected:
  DispatcherTest() { dispatcher_.Open({0, 7}); }

  void Offer(const std::string& key, std::int64_t offset, std::int32_t partition = 0) {
    dispatcher_.Offer(partition, std::make_unique<FakeRecord>(key, offset));
  }
  Batch TakeBatch() { return std::get<Batch>(std::move(*dispatcher_.Take())); }
  void SettleAll(Batch batch, Settlement settlement = Settlement::kDone) {
    for (auto& slice : batch.slices) {
      for (auto& item : slice.items) item.settlement = settlement;
    }
    dispatcher_.Settle(std::move(batch));
  }
  [[nodiscard]] std::optional<std::int64_t> Watermark() const { return dispatcher_.Watermarks({0})[0].next_offset; }
  void AwaitIdle(std::size_t executors) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (dispatcher_.CurrentLoad().idle_executors < executors && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::yield();
    }
    ASSERT_EQ(dispatcher_.CurrentLoad().idle_executors, executors);
  }
  static std::string Shape(const Batch& batch) {
    std::string shape;
    for (const auto& slice : batch.slices) {
      shape += std::string(slice.items.front().record->key()) + ":";
      for (const auto& item : slice.items) shape += std::to_string(item.record->offset());
      shape += " ";
    }
    return shape;
  }

  int room_calls_ = 0;
  Dispatcher dispatcher_{DispatchLimits{4, 6, 1000, 5, 100}, [this] { ++room_calls_; }};
};

TEST_F(DispatcherTest, ABatchTakesManyKeysEachInOrder) {
  Offer("a", 0);
  Offer("b", 1);
  Offer("a", 2);
  EXPECT_EQ(Shape(TakeBatch()), "a:02 b:1 ");
}

TEST_F(DispatcherTest, AKeyIsInOneBatchAtATime) {
  Offer("a", 0);
  auto first = TakeBatch();
  Offer("a", 1);
  Offer("b", 2);
  auto second = TakeBatch();
  EXPECT_EQ(Shape(second), "b:2 ");
  SettleAll(std::move(first));
  EXPECT_EQ(Shape(TakeBatch()), "a:1 ");
}

TEST_F(DispatcherTest, WhoeverWaitsLongestIsNext) {
  for (int offset = 0; offset < 5; ++offset) Offer("hot", offset);
  auto first = TakeBatch();
  EXPECT_EQ(Shape(first), "hot:0123 ");
  Offer("a", 5);
  SettleAll(std::move(first));
  EXPECT_EQ(Shape(TakeBatch()), "hot:4 a:5 ") << "not a: what is left of hot came before it";
}

TEST_F(DispatcherTest, WhatComesBackWaitsAsLongAsItHas) {
  Offer("a", 0);
  auto first = TakeBatch();
  Offer("b", 1);
  SettleAll(std::move(first), Settlement::kBack);
  EXPECT_EQ(Shape(TakeBatch()), "a:0 b:1 ");
}

TEST(GatheringTest, WhileBatchesHaveJustBegunASmallOneWaitsToGrowOrForTheirEnd) {
  DispatchLimits limits;
  limits.batch_small = 3;
  limits.batches_young_max = 1;
  limits.batch_youth = std::chrono::minutes(1);
  Dispatcher dispatcher(limits, [] {});
  dispatcher.Open({0, 7});
  const auto offer = [&](const std::string& key, std::int64_t offset) {
    dispatcher.Offer(0, std::make_unique<FakeRecord>(key, offset));
  };
  const auto take = [&] { return std::get<Batch>(std::move(*dispatcher.Take())); };
  offer("a", 0);
  auto first = take();
  offer("b", 1);
  auto gathered = std::async(std::launch::async, take);
  EXPECT_EQ(gathered.wait_for(milliseconds(50)), std::future_status::timeout);
  offer("c", 2);
  offer("d", 3);  // three are not small
  auto second = gathered.get();
  EXPECT_EQ(second.slices.size(), 3U);

  offer("e", 4);
  gathered = std::async(std::launch::async, take);
  EXPECT_EQ(gathered.wait_for(milliseconds(50)), std::future_status::timeout);
  for (auto* batch : {&first, &second}) {
    for (auto& slice : batch->slices) slice.items.front().settlement = Settlement::kDone;
    dispatcher.Settle(std::move(*batch));
  }
  offer("f", 5);  // few are at work now: no need to gather
  EXPECT_EQ(gathered.get().slices.size(), 2U);
}

TEST(GatheringTest, BatchesThatTakeTheirTimeHoldNobodyUp) {
  DispatchLimits limits;
  limits.batches_young_max = 1;
  limits.batch_youth = milliseconds(20);
  Dispatcher dispatcher(limits, [] {});
  dispatcher.Open({0, 7});
  dispatcher.Offer(0, std::make_unique<FakeRecord>("a", 0));
  const auto first = dispatcher.Take();
  dispatcher.Offer(0, std::make_unique<FakeRecord>("b", 1));
  EXPECT_TRUE(dispatcher.Take());  // nobody tells it: it waits for the time itself
}

TEST_F(DispatcherTest, WhatIsNotSettledComesBackInFront) {
  Offer("a", 0);
  Offer("a", 1);
  Offer("a", 2);
  auto batch = TakeBatch();
  Offer("a", 3);
  batch.slices[0].items[0].settlement = Settlement::kDone;
  dispatcher_.Settle(std::move(batch));
  EXPECT_EQ(Watermark(), 1);
  EXPECT_EQ(Shape(TakeBatch()), "a:123 ");
}

TEST_F(DispatcherTest, ARetryWaitsForItsTimeAndTheOtherKeysDoNot) {
  Offer("a", 0);
  auto batch = TakeBatch();
  batch.slices[0].items[0].settlement = Settlement::kRetry;
  batch.slices[0].items[0].delay = milliseconds(150);
  const auto settled_at = std::chrono::steady_clock::now();
  dispatcher_.Settle(std::move(batch));
  Offer("b", 1);
  EXPECT_EQ(Shape(TakeBatch()), "b:1 ");
  EXPECT_EQ(dispatcher_.CurrentLoad().blocked_keys, 1U);
  EXPECT_EQ(Shape(TakeBatch()), "a:0 ");
  EXPECT_GE(std::chrono::steady_clock::now() - settled_at, milliseconds(150));
}

TEST_F(DispatcherTest, ARetryThatComesDueIsTakenThoughWhoWaitedForItHasOtherWork) {
  Offer("a", 0);
  auto failed = TakeBatch();
  const auto taker = [&] { return std::async(std::launch::async, [&] { return Shape(TakeBatch()); }); };
  auto one = taker();
  AwaitIdle(1);
  auto other = taker();
  AwaitIdle(2);
  failed.slices[0].items[0].settlement = Settlement::kRetry;
  failed.slices[0].items[0].delay = milliseconds(200);
  dispatcher_.Settle(std::move(failed));  // one of them is told to wait for that
  AwaitIdle(2);
  Offer("b", 1);
  const auto due = std::chrono::seconds(5);
  ASSERT_EQ(one.wait_for(due), std::future_status::ready);
  ASSERT_EQ(other.wait_for(due), std::future_status::ready);
  EXPECT_EQ((std::set{one.get(), other.get()}), (std::set<std::string>{"a:0 ", "b:1 "}));
}

TEST_F(DispatcherTest, WhoCameLastIsWokenFirst) {
  std::vector<std::future<std::string>> takers;
  for (std::size_t n = 1; n <= 3; ++n) {
    takers.push_back(std::async(std::launch::async, [&] { return Shape(TakeBatch()); }));
    AwaitIdle(n);
  }
  for (int offset = 0; offset < 3; ++offset) {
    const auto last = static_cast<std::size_t>(2 - offset);
    Offer("key " + std::to_string(offset), offset);
    ASSERT_EQ(takers[last].wait_for(std::chrono::seconds(5)), std::future_status::ready) << "another was woken";
    EXPECT_EQ(takers[last].get(), "key " + std::to_string(offset) + ":" + std::to_string(offset) + " ");
  }
}

TEST_F(DispatcherTest, TheOffsetOfADeadLetterWaitsForItsPublication) {
  Offer("a", 0);
  Offer("b", 1);
  SettleAll(TakeBatch(), Settlement::kAwaitingLetter);
  EXPECT_EQ(Watermark(), std::nullopt);
  dispatcher_.CompleteLetter(0, 1);
  dispatcher_.CompleteLetter(0, 0);
  EXPECT_EQ(Watermark(), 2);
}

TEST_F(DispatcherTest, BoundsAPartitionAndTheProcessAndCallsWhenThereIsRoom) {
  dispatcher_.Open({1, 7});
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(dispatcher_.HasRoom(0));
    Offer("a", i);
  }
  EXPECT_FALSE(dispatcher_.HasRoom(0)) << "five of one partition are its bound";
  EXPECT_TRUE(dispatcher_.HasRoom(1));
  Offer("b", 0, 1);
  EXPECT_FALSE(dispatcher_.HasRoom(1)) << "six in all are the process's bound";
  SettleAll(TakeBatch());
  EXPECT_EQ(room_calls_, 1);
  EXPECT_TRUE(dispatcher_.HasRoom(0));
}

TEST_F(DispatcherTest, AClosedPartitionDropsWhatIsQueuedAndWaitsForWhatRuns) {
  Offer("a", 0);
  auto running = TakeBatch();
  Offer("a", 1);
  Offer("b", 2);
  dispatcher_.Close({0});
  EXPECT_EQ(dispatcher_.CurrentLoad().buffered, 1U);
  EXPECT_FALSE(dispatcher_.WaitIdle({0}, std::chrono::steady_clock::now()));
  SettleAll(std::move(running));
  EXPECT_TRUE(dispatcher_.WaitIdle({0}, std::chrono::steady_clock::now()));
  EXPECT_EQ(Watermark(), 1);
  dispatcher_.Forget({0});
  EXPECT_TRUE(dispatcher_.Watermarks({0}).empty());
}

TEST_F(DispatcherTest, AFencedPartitionGivesNothingAndIsToldOnce) {
  Offer("a", 0);
  auto running = TakeBatch();
  Offer("b", 1);
  dispatcher_.Fence(0, 6);
  EXPECT_TRUE(dispatcher_.TakeFenced().empty()) << "an older epoch's news";
  dispatcher_.Fence(0, 7);
  dispatcher_.Fence(0, 7);
  EXPECT_EQ(dispatcher_.TakeFenced(), std::vector<std::int32_t>{0});
  SettleAll(std::move(running), Settlement::kDropped);
  EXPECT_TRUE(dispatcher_.Watermarks({0}).empty());
  EXPECT_EQ(dispatcher_.CurrentLoad().buffered, 0U);
}

TEST_F(DispatcherTest, JobsGoBeforeBatchesAndStopEndsAll) {
  Offer("a", 0);
  dispatcher_.Post([](store::Session&) { return true; });
  EXPECT_TRUE(std::holds_alternative<Job>(*dispatcher_.Take()));
  EXPECT_TRUE(std::holds_alternative<Batch>(*dispatcher_.Take()));
  dispatcher_.Stop();
  EXPECT_FALSE(dispatcher_.Take());
}

}  // namespace
}  // namespace keystrand::worker::engine
