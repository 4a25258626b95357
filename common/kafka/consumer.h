#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/kafka/client_settings.h"
#include "common/kafka/consumed_record.h"
#include "common/kafka/publisher.h"

namespace keystrand::kafka {

/// Told on the polling thread, inside Poll.
class RebalanceListener {
 public:
  virtual ~RebalanceListener() = default;
  /// The group gave these partitions. Answer with Consumer::Assign once start offsets are known, now or later; until
  /// then the group's next rebalance waits for this member.
  virtual void OnAssigned(const std::vector<std::int32_t>& partitions) = 0;
  /// The group takes them back. Commit what is done (not when `lost`: others may own them already); they are unassigned
  /// when this returns.
  virtual void OnRevoked(const std::vector<std::int32_t>& partitions, bool lost) = 0;
};

struct ConsumerSettings {
  ClientSettings client;
  std::string topic;
  std::string group;
};

class ConsumerObserver : public ClientObserver {
 public:
  /// The outcome of one CommitAsync. On the polling thread.
  virtual void OnCommitted(bool /*ok*/, std::string_view /*error*/) {}
  /// A partition stopped: the position lies outside the log (retention passed it, or the topic was made anew).
  virtual void OnPositionOutsideLog(std::int32_t /*partition*/) {}
};

/// Where consumption of a partition starts. kBeginning: the first record that is kept.
struct StartPosition {
  static constexpr std::int64_t kBeginning = -2;
  std::int32_t partition = 0;
  std::int64_t offset = kBeginning;
};

/// A group consumer of one topic whose records come from per-partition queues: Poll serves the group (rebalances,
/// heartbeat deadline, errors) and never returns a record; Next takes one from a partition, when its owner has room.
/// All methods belong to one thread, but for Wake and Committed.
class Consumer {
 public:
  /// `listener` and `observer` (may be null) must outlive the consumer. Errors: kRejected.
  static Result<std::unique_ptr<Consumer>> Create(const ConsumerSettings& settings, RebalanceListener& listener,
                                                  ConsumerObserver* observer);
  /// Close, if it was not called.
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  Result<> Subscribe();
  /// Leaves the group for good: OnRevoked is called for what is still assigned, and may use the consumer. After it only
  /// the destructor.
  void Close();
  /// Leaves the group; OnRevoked comes in a later Poll.
  void Unsubscribe();
  /// Waits until something happens (a rebalance, new records, Wake) or `timeout`, and serves it. False after a fatal
  /// client error: the consumer must be made anew.
  bool Poll(std::chrono::milliseconds timeout);
  /// Why Poll says that it cannot go on: kConflict when another member of the group has taken the same static identity,
  /// else kUnavailable. Empty while it can.
  [[nodiscard]] std::optional<Error> FatalError() const;
  /// Makes a running or the next Poll return at once. Thread-safe.
  void Wake() const;

  /// Answers OnAssigned. Errors: kUnavailable (a partition not known yet: try again at the next Poll).
  Result<> Assign(const std::vector<StartPosition>& positions);
  /// The next record of an assigned partition, if one is here. Never waits.
  std::optional<ConsumedRecord> Next(std::int32_t partition);

  /// Next offset to consume per partition. The outcome comes to OnCommitted.
  void CommitAsync(const std::vector<Position>& next_offsets);
  /// Waits for the coordinator, 5 s at most. Errors: kUnavailable (it may still land), kConflict (another generation
  /// owns the partitions).
  Result<> CommitSync(const std::vector<Position>& next_offsets);
  /// The group's committed offsets of `partitions`, in their order; empty where there is none. Thread-safe.
  Result<std::vector<std::optional<std::int64_t>>> Committed(const std::vector<std::int32_t>& partitions,
                                                             std::chrono::milliseconds timeout) const;

 private:
  class Impl;
  explicit Consumer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace keystrand::kafka
