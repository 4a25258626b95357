#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/core/result.h"
#include "tests/bench/workload/event_plan.h"
#include "tests/bench/workload/event_template.h"
#include "worker/handlers/event.h"

namespace keystrand::bench {

/// One delivery as a worker has it after parsing. `event` points into `body`.
struct ReadDelivery {
  std::string body;
  worker::handlers::Event event;
  std::string key;
  std::int64_t offset = 0;  ///< in its partition
};

/// What one transaction settles: deliveries of one partition, in their order.
struct MemoryBatch {
  std::int32_t partition = 0;
  std::vector<const ReadDelivery*> deliveries;
};

/// A topic's worth of deliveries, read before the clock starts, and handed out in batches: a partition's in order and
/// one at a time, as an owner of the partition has to take them. Thread-safe.
class MemoryTopic {
 public:
  /// Errors: kMalformed: the template makes no event.
  static Result<std::unique_ptr<MemoryTopic>> Read(const std::vector<PlannedEvent>& plan, const EventTemplate& event,
                                                   const RunIdentity& run, std::int32_t partitions);

  /// At most `deliveries_max` of the partition that has waited longest. Empty: all is taken. Where others are at work
  /// on the last partitions, nothing is left for the caller to do.
  std::optional<MemoryBatch> Take(std::size_t deliveries_max);
  /// The batch is committed: its partition may go on.
  void Return(const MemoryBatch& batch);

 private:
  struct Partition {
    std::vector<std::unique_ptr<ReadDelivery>> deliveries;
    std::size_t next = 0;
  };

  explicit MemoryTopic(std::int32_t partitions) : partitions_(static_cast<std::size_t>(partitions)) {}
  void Open();

  std::vector<Partition> partitions_;
  std::mutex mutex_;
  std::deque<std::int32_t> waiting_;
};

}  // namespace keystrand::bench
