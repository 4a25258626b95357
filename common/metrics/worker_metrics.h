#pragma once

#include <chrono>

#include "common/core/error.h"
#include "common/metrics/table.h"

namespace keystrand::metrics {

/// What the worker's engine shows. Thread-safe; `registry` must outlive this. Effects are counted after their commit.
class WorkerMetrics {
 public:
  /// `start`: when the process started, the first value of the poll time.
  WorkerMetrics(Registry& registry, std::chrono::system_clock::time_point start);

  /// Once per record, when it is settled; a parked one when it leaves the parking.
  void Settled(EventType type, EventOutcome outcome, Origin origin);
  /// One attempt of an event's handlers, its commit included.
  void Attempted(EventType type, AttemptResult result, std::chrono::nanoseconds took);
  void AttemptFailed(EventType type, ErrorCode code);
  /// Accepted to first attempt; below 0 (clock skew) counts as 0.
  void Waited(std::chrono::nanoseconds waited);
  /// Accepted to committed effect, live events only; below 0 counts as 0.
  void Finished(EndToEndOutcome outcome, std::chrono::nanoseconds took);
  /// After the dead-letter record is acknowledged.
  void DeadLettered(EventType type, ErrorCode code);
  void OffsetCommitted(CommitResult result);
  void Rebalanced(Rebalance kind);
  void Polled(std::chrono::system_clock::time_point now);
  void Applied(std::chrono::system_clock::time_point now);
  void SetBreaker(EventType type, bool open);

  // One series each, as named in the exposition: keystrand_<name> or keystrand_worker_<name>.
  Gauge events_in_flight;
  Gauge concurrency_limit;
  Gauge events_buffered;
  Gauge blocked_keys;
  Gauge paused_partitions;
  Counter trace_context_invalid;
  Counter nul_replaced;
  Counter fenced;
  Counter redelivered;
  Counter commits_in_doubt;
  Counter bisects;
  Counter conflicts;
  Counter dead_letter_write_failures;

 private:
  Gauge last_poll_;
  Gauge last_applied_;
  Table<Counter, EventType, EventOutcome, Origin> settled_;
  Table<Counter, EventType, AttemptResult> attempts_;
  Table<Histogram, EventType> attempt_duration_;
  Table<Counter, EventType, ErrorCode> attempt_errors_;
  Histogram queue_wait_;
  Table<Histogram, EndToEndOutcome> end_to_end_;
  Table<Counter, EventType, ErrorCode> dead_letters_;
  Table<Counter, CommitResult> offset_commits_;
  Table<Counter, Rebalance> rebalances_;
  Table<Gauge, EventType> breakers_;
};

}  // namespace keystrand::metrics
