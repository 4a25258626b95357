#include "tests/bench/from_memory/batches.h"

#include <algorithm>
#include <utility>

#include "common/kafka/partitioner.h"

namespace keystrand::bench {

Result<std::unique_ptr<MemoryTopic>> MemoryTopic::Read(const std::vector<PlannedEvent>& plan,
                                                       const EventTemplate& event, const RunIdentity& run,
                                                       std::int32_t partitions) {
  std::unique_ptr<MemoryTopic> topic(new MemoryTopic(partitions));
  for (const auto& planned : plan) {
    auto delivery = std::make_unique<ReadDelivery>();
    delivery->body = event.Render(planned, run);
    delivery->key = "test/self/" + event.CustomerId(planned, run);
    auto envelope = stripe::ParseEnvelope(delivery->body, "");
    if (!envelope) return Fail(envelope.error());
    delivery->event.created = envelope->created.value_or(0);
    delivery->event.received_at_ms = 1000 * delivery->event.created;
    delivery->event.envelope = *std::move(envelope);
    auto& partition = topic->partitions_[static_cast<std::size_t>(kafka::PartitionOf(delivery->key, partitions))];
    delivery->offset = static_cast<std::int64_t>(partition.deliveries.size());
    partition.deliveries.push_back(std::move(delivery));
  }
  topic->Open();
  return topic;
}

void MemoryTopic::Open() {
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    if (!partitions_[i].deliveries.empty()) waiting_.push_back(static_cast<std::int32_t>(i));
  }
}

std::optional<MemoryBatch> MemoryTopic::Take(std::size_t deliveries_max) {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return std::nullopt;
  MemoryBatch batch;
  batch.partition = waiting_.front();
  waiting_.pop_front();
  auto& partition = partitions_[static_cast<std::size_t>(batch.partition)];
  const auto end = std::min(partition.next + deliveries_max, partition.deliveries.size());
  for (; partition.next < end; ++partition.next) batch.deliveries.push_back(partition.deliveries[partition.next].get());
  return batch;
}

void MemoryTopic::Return(const MemoryBatch& batch) {
  const std::lock_guard lock(mutex_);
  const auto& partition = partitions_[static_cast<std::size_t>(batch.partition)];
  if (partition.next < partition.deliveries.size()) waiting_.push_back(batch.partition);
}

}  // namespace keystrand::bench
