#include "common/kafka/consumer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "tests/integration/support.h"

namespace keystrand::kafka {
namespace {

using std::chrono::milliseconds;
using namespace testing_support;

/// A member of a group that assigns at once and starts where the group committed.
class Member final : public RebalanceListener {
 public:
  Member(const std::string& topic, const std::string& group)
      : consumer_(std::move(
            Consumer::Create({Kafka({{"session.timeout.ms", "6000"}, {"heartbeat.interval.ms", "50"}}), topic, group},
                             *this, nullptr)
                .value())) {
    EXPECT_TRUE(consumer_->Subscribe());
  }

  void OnAssigned(const std::vector<std::int32_t>& partitions) override { pending_ = partitions; }
  void OnRevoked(const std::vector<std::int32_t>&, bool) override {
    ++rebalances;
    pending_.clear();
    std::vector<Position> positions;
    for (const auto partition : assigned_) {
      if (next_.count(partition) != 0) positions.push_back({partition, next_[partition]});
    }
    if (!positions.empty()) (void)consumer_->CommitSync(positions);
    assigned_.clear();
    next_.clear();
  }

  /// One turn: takes at most `limit` records of each partition.
  void Turn(int limit) {
    ASSERT_TRUE(consumer_->Poll(milliseconds(1)));
    if (!pending_.empty()) Assign();
    for (const auto partition : assigned_) {
      for (int i = 0; i < limit; ++i) {
        auto record = consumer_->Next(partition);
        if (!record) break;
        EXPECT_EQ(record->partition(), partition);
        const auto expected = next_.find(partition);
        if (expected != next_.end()) {
          EXPECT_EQ(record->offset(), expected->second)
              << "skipped or repeated, partition " << partition << ", which was taken from " << started_[partition];
        }
        next_[partition] = record->offset() + 1;
        seen.insert({partition, record->offset()});
      }
    }
  }

  void Commit() {
    std::vector<Position> positions;
    for (const auto& [partition, next] : next_) positions.push_back({partition, next});
    if (!positions.empty()) consumer_->CommitAsync(positions);
  }
  void Leave() { consumer_->Unsubscribe(); }
  void Join() { EXPECT_TRUE(consumer_->Subscribe()); }
  [[nodiscard]] std::size_t assigned() const { return assigned_.size(); }

  std::set<std::pair<std::int32_t, std::int64_t>> seen;
  int rebalances = 0;

 private:
  void Assign() {
    const auto committed = consumer_->Committed(pending_, milliseconds(5000));
    ASSERT_TRUE(committed);
    std::vector<StartPosition> starts;
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      starts.push_back({pending_[i], (*committed)[i].value_or(StartPosition::kBeginning)});
    }
    if (!consumer_->Assign(starts)) return;
    for (const auto& start : starts) {
      started_[start.partition] = start.offset;
      if (start.offset != StartPosition::kBeginning) next_[start.partition] = start.offset;
    }
    assigned_ = pending_;
    pending_.clear();
  }

  std::vector<std::int32_t> pending_;
  std::vector<std::int32_t> assigned_;
  std::map<std::int32_t, std::int64_t> next_;
  std::map<std::int32_t, std::int64_t> started_;  ///< from where the last assignment began
  std::unique_ptr<Consumer> consumer_;
};

void ProduceSome(const std::string& topic, std::int32_t partitions, int per_partition) {
  for (int i = 0; i < per_partition; ++i) {
    for (std::int32_t p = 0; p < partitions; ++p) Produce(topic, {p, "key", "value " + std::to_string(i), {}});
  }
}

TEST(ConsumerTest, DeliversEveryRecordThroughItsPartitionsQueueInOrder) {
  const auto topic = UniqueName("queues-");
  CreateTopic(topic, 4);
  ProduceSome(topic, 4, 50);
  Member member(topic, topic);
  EXPECT_TRUE(Eventually([&] {
    member.Turn(3);
    return member.seen.size() == 200;
  }));
}

TEST(ConsumerTest, TakesNoRecordOfAPartitionThatIsNotAsked) {
  const auto topic = UniqueName("asked-");
  CreateTopic(topic, 1);
  ProduceSome(topic, 1, 20);
  Member member(topic, topic);
  ASSERT_TRUE(Eventually([&] {
    member.Turn(0);
    return member.assigned() == 1;
  }));
  for (int i = 0; i < 100; ++i) member.Turn(0);  // the queue fills meanwhile
  EXPECT_TRUE(member.seen.empty());
  EXPECT_TRUE(Eventually([&] {
    member.Turn(1);
    return member.seen.size() == 20;
  }));
}

/// Two members of one group, of which the second comes and goes.
struct Pair {
  Pair(const std::string& topic, const std::string& group) : stays(topic, group), comes_and_goes(topic, group) {}

  void Turn(int limit) {
    stays.Turn(limit);
    comes_and_goes.Turn(limit);
  }
  [[nodiscard]] bool Settled() const {
    return stays.assigned() == (away ? kPartitions : kPartitions / 2) &&
           stays.assigned() + comes_and_goes.assigned() == kPartitions;
  }
  void ComeOrGo() {
    stays.Commit();
    comes_and_goes.Commit();
    away ? comes_and_goes.Join() : comes_and_goes.Leave();
    away = !away;
  }
  [[nodiscard]] int rebalances() const { return stays.rebalances + comes_and_goes.rebalances; }
  [[nodiscard]] std::size_t seen() const {
    auto all = stays.seen;
    all.insert(comes_and_goes.seen.begin(), comes_and_goes.seen.end());
    return all.size();
  }

  static constexpr std::size_t kPartitions = 4;
  Member stays;
  Member comes_and_goes;
  bool away = false;
};

/// The engine relies on it: with queues that are not forwarded, no rebalance loses, repeats out of order or skips.
/// Eight groups at once, since librdkafka notices a rebalance every half second.
TEST(ConsumerTest, LosesNothingOverAHundredRebalances) {
  const auto topic = UniqueName("rebalances-");
  CreateTopic(topic, Pair::kPartitions);
  std::vector<std::unique_ptr<Pair>> pairs;
  for (int i = 0; i < 8; ++i) pairs.push_back(std::make_unique<Pair>(topic, topic + "-" + std::to_string(i)));
  const auto all = [&](auto holds) { return std::all_of(pairs.begin(), pairs.end(), holds); };
  const auto turn = [&](int limit) {
    for (const auto& pair : pairs) pair->Turn(limit);
  };
  std::size_t produced = 0;
  int rebalances = 0;
  while (rebalances < 100) {
    ProduceSome(topic, Pair::kPartitions, 1);
    ++produced;
    ASSERT_TRUE(Eventually([&] {
      turn(2);
      return all([](const auto& pair) { return pair->Settled(); });
    })) << "after "
        << rebalances << " rebalances";
    rebalances = 0;
    for (const auto& pair : pairs) {
      pair->ComeOrGo();
      rebalances += pair->rebalances();
    }
  }
  EXPECT_TRUE(Eventually([&] {
    turn(100);
    return all([&](const auto& pair) { return pair->seen() == produced * Pair::kPartitions; });
  }));
}

}  // namespace
}  // namespace keystrand::kafka
