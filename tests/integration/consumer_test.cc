#include "common/kafka/consumer.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

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
    ASSERT_TRUE(consumer_->Poll(milliseconds(5)));
    if (!pending_.empty()) Assign();
    for (const auto partition : assigned_) {
      for (int i = 0; i < limit; ++i) {
        auto record = consumer_->Next(partition);
        if (!record) break;
        EXPECT_EQ(record->partition(), partition);
        const auto expected = next_.find(partition);
        if (expected != next_.end()) {
          EXPECT_EQ(record->offset(), expected->second) << "a record was skipped";
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
      if ((*committed)[i]) next_[pending_[i]] = *(*committed)[i];
    }
    if (!consumer_->Assign(starts)) return;
    assigned_ = pending_;
    pending_.clear();
  }

  std::vector<std::int32_t> pending_;
  std::vector<std::int32_t> assigned_;
  std::map<std::int32_t, std::int64_t> next_;
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

/// The engine relies on it: with queues that are not forwarded, no rebalance loses, repeats out of order or skips.
TEST(ConsumerTest, LosesNothingOverAHundredRebalances) {
  const auto topic = UniqueName("rebalances-");
  constexpr std::int32_t kPartitions = 4;
  CreateTopic(topic, kPartitions);
  Member stays(topic, topic);
  Member comes_and_goes(topic, topic);
  int produced = 0;
  bool away = false;
  while (stays.rebalances + comes_and_goes.rebalances < 100) {
    ProduceSome(topic, kPartitions, 1);
    ++produced;
    ASSERT_TRUE(Eventually([&] {
      stays.Turn(2);
      comes_and_goes.Turn(2);
      return stays.assigned() + comes_and_goes.assigned() == kPartitions &&
             (away ? stays.assigned() == kPartitions : stays.assigned() == kPartitions / 2);
    })) << stays.assigned()
        << " and " << comes_and_goes.assigned() << " after " << stays.rebalances;
    stays.Commit();
    comes_and_goes.Commit();
    away ? comes_and_goes.Join() : comes_and_goes.Leave();
    away = !away;
  }
  EXPECT_TRUE(Eventually([&] {
    stays.Turn(100);
    comes_and_goes.Turn(100);
    auto all = stays.seen;
    all.insert(comes_and_goes.seen.begin(), comes_and_goes.seen.end());
    return all.size() == static_cast<std::size_t>(produced * kPartitions);
  }));
}

}  // namespace
}  // namespace keystrand::kafka
