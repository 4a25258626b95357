#include "common/metrics/worker_metrics.h"

#include "common/metrics/buckets.h"
#include "common/metrics/seconds.h"

namespace keystrand::metrics {
namespace {

constexpr Name kInFlight{"keystrand_worker_events_in_flight", "Events that executors hold"};
constexpr Name kLimit{"keystrand_worker_concurrency_limit", "Most events that executors may hold at once"};
constexpr Name kBuffered{"keystrand_worker_events_buffered", "Events read from Kafka that wait in their lanes"};
constexpr Name kBlockedKeys{"keystrand_worker_blocked_keys", "Customers whose next event waits behind a retry"};
constexpr Name kPaused{"keystrand_worker_paused_partitions", "Partitions that are not read for now"};
constexpr Name kTraceInvalid{"keystrand_trace_context_invalid_total", "Records whose traceparent cannot be read"};
constexpr Name kNulReplaced{"keystrand_worker_nul_replaced_total",
                            "Applied events whose rows have U+FFFD where Stripe's text has a NUL"};
constexpr Name kFenced{"keystrand_worker_fenced_total", "Batches refused because another worker owns the partition"};
constexpr Name kRedelivered{"keystrand_worker_redelivered_total", "Records that were settled before, by position"};
constexpr Name kInDoubt{"keystrand_worker_commits_in_doubt_total", "Commits whose answer was lost"};
constexpr Name kBisects{"keystrand_worker_bisects_total", "Batches split to find the event that fails"};
constexpr Name kConflicts{"keystrand_worker_conflicts_total", "Batches run again after a lost race"};
constexpr Name kWriteFailures{"keystrand_dead_letter_write_failures_total",
                              "Dead letters that could not be written or published at once"};
constexpr Name kLastPoll{"keystrand_worker_last_poll_timestamp_seconds", "When the poll loop last came round"};
constexpr Name kLastApplied{"keystrand_worker_last_applied_timestamp_seconds",
                            "When an event was last applied; 0: not since the start"};
constexpr Name kSettled{"keystrand_worker_events_total", "Records settled, by type, outcome and origin"};
constexpr Name kAttempts{"keystrand_handler_attempts_total", "Attempts at an event, by result"};
constexpr Name kDuration{"keystrand_handler_duration_seconds", "One attempt at an event, its commit included"};
constexpr Name kErrors{"keystrand_handler_errors_total", "Failed attempts at an event, by error code"};
constexpr Name kQueueWait{"keystrand_queue_wait_seconds", "Accepted to first attempt"};
constexpr Name kEndToEnd{"keystrand_end_to_end_seconds", "Accepted to committed effect, live events"};
constexpr Name kDeadLetters{"keystrand_dead_letters_total", "Dead letters whose record is acknowledged"};
constexpr Name kCommits{"keystrand_offset_commits_total", "Offset commits by result"};
constexpr Name kRebalances{"keystrand_rebalances_total", "Changes of the assignment"};
constexpr Name kBreakers{"keystrand_handler_breaker_open", "1 while a handler is stopped and its events are parked"};

/// The codes that an attempt at an event of a known type can end with. The others belong to batches (conflict,
/// unavailable), to no attempt (crashed), to the receiver (unauthenticated) or to records without a type (malformed).
bool IsAttemptError(EventType type, ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnsupported:
    case ErrorCode::kRejected:
    case ErrorCode::kMissingReference:
    case ErrorCode::kTimeout:
    case ErrorCode::kMisdeployed:
    case ErrorCode::kInternal: return true;
    case ErrorCode::kMalformed: return type == kOtherEventType;
    case ErrorCode::kUnauthenticated:
    case ErrorCode::kConflict:
    case ErrorCode::kUnavailable:
    case ErrorCode::kCrashed: return false;
  }
  return false;
}

/// The codes that a dead letter can carry: those of counted attempts, and of what is hopeless at once.
bool IsDeadLetterCode(EventType type, ErrorCode code) {
  if (code == ErrorCode::kCrashed) return true;
  return IsAttemptError(type, code) && code != ErrorCode::kMisdeployed;
}

}  // namespace

WorkerMetrics::WorkerMetrics(Registry& registry, std::chrono::system_clock::time_point start)
    : events_in_flight(registry.AddGauge(kInFlight)),
      concurrency_limit(registry.AddGauge(kLimit)),
      events_buffered(registry.AddGauge(kBuffered)),
      blocked_keys(registry.AddGauge(kBlockedKeys)),
      paused_partitions(registry.AddGauge(kPaused)),
      trace_context_invalid(registry.AddCounter(kTraceInvalid)),
      nul_replaced(registry.AddCounter(kNulReplaced)),
      fenced(registry.AddCounter(kFenced)),
      redelivered(registry.AddCounter(kRedelivered)),
      commits_in_doubt(registry.AddCounter(kInDoubt)),
      bisects(registry.AddCounter(kBisects)),
      conflicts(registry.AddCounter(kConflicts)),
      dead_letter_write_failures(registry.AddCounter(kWriteFailures)),
      last_poll_(registry.AddGauge(kLastPoll)),
      last_applied_(registry.AddGauge(kLastApplied)),
      settled_(CountersOf(registry, kSettled), {"event_type", "outcome", "origin"}),
      attempts_(CountersOf(registry, kAttempts), {"event_type", "result"}),
      attempt_duration_(HistogramsOf(registry, kDuration, buckets::Handler()), {"event_type"}),
      attempt_errors_(CountersOf(registry, kErrors), {"event_type", "error_code"}, IsAttemptError),
      queue_wait_(registry.AddHistogram(kQueueWait, {}, buckets::Path())),
      end_to_end_(HistogramsOf(registry, kEndToEnd, buckets::Path()), {"outcome"}),
      dead_letters_(CountersOf(registry, kDeadLetters), {"event_type", "error_code"}, IsDeadLetterCode),
      offset_commits_(CountersOf(registry, kCommits), {"result"}),
      rebalances_(CountersOf(registry, kRebalances), {"kind"}),
      breakers_(GaugesOf(registry, kBreakers), {"event_type"}) {
  last_poll_.Set(UnixSeconds(start));
}

void WorkerMetrics::Settled(EventType type, EventOutcome outcome, Origin origin) {
  settled_.At(type, outcome, origin).Increment();
}

void WorkerMetrics::Attempted(EventType type, AttemptResult result, std::chrono::nanoseconds took) {
  attempts_.At(type, result).Increment();
  attempt_duration_.At(type).Observe(Seconds(took));
}

void WorkerMetrics::AttemptFailed(EventType type, ErrorCode code) { attempt_errors_.At(type, code).Increment(); }
void WorkerMetrics::Waited(std::chrono::nanoseconds waited) { queue_wait_.Observe(Seconds(waited)); }

void WorkerMetrics::Finished(EndToEndOutcome outcome, std::chrono::nanoseconds took) {
  end_to_end_.At(outcome).Observe(Seconds(took));
}

void WorkerMetrics::DeadLettered(EventType type, ErrorCode code) { dead_letters_.At(type, code).Increment(); }
void WorkerMetrics::OffsetCommitted(CommitResult result) { offset_commits_.At(result).Increment(); }
void WorkerMetrics::Rebalanced(Rebalance kind) { rebalances_.At(kind).Increment(); }
void WorkerMetrics::Polled(std::chrono::system_clock::time_point now) { last_poll_.Set(UnixSeconds(now)); }
void WorkerMetrics::Applied(std::chrono::system_clock::time_point now) { last_applied_.Set(UnixSeconds(now)); }
void WorkerMetrics::SetBreaker(EventType type, bool open) { breakers_.At(type).Set(open ? 1 : 0); }

}  // namespace keystrand::metrics
