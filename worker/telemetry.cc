#include "worker/telemetry.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "common/kafka/record_headers.h"
#include "common/log/log.h"
#include "worker/engine/event_reader.h"
#include "worker/store/dead_letters.h"

namespace keystrand::worker {
namespace {

using log::Action;
using log::Field;

/// Statements with a series of their own (at most 15 with commit).
constexpr std::array<std::string_view, 15> kOperations = {
    "commit",         "inbox_known",     "inbox_insert",   "objects_load",  "objects_update",
    "objects_insert", "objects_replace", "lease_share",    "lease_check",   "lease_assert",
    "lease_lock",     "lease_raise",     "lease_progress", "letter_insert", "connect"};

metrics::EventType TypeOf(const engine::Item& item) { return metrics::EventTypeOf((*item.event)->envelope.type); }

metrics::Origin OriginOf(const engine::Item& item) {
  return item.replayed ? metrics::Origin::kReplay : metrics::Origin::kLive;
}

std::string_view TraceIdOf(const engine::SourceRecord& record) {
  return engine::TraceIdIn(record.FindHeader(kafka::header::kTraceparent).value_or(""));
}

/// Whether a handler looked at it, rather than the inbox alone.
bool WasAttempted(engine::EventOutcome outcome) {
  return outcome == engine::EventOutcome::kApplied || outcome == engine::EventOutcome::kStale ||
         outcome == engine::EventOutcome::kIgnored;
}

Action ActionOf(engine::EventOutcome outcome) {
  switch (outcome) {
    case engine::EventOutcome::kApplied: return Action::kEventApplied;
    case engine::EventOutcome::kStale: return Action::kEventStale;
    case engine::EventOutcome::kIgnored: return Action::kEventIgnored;
    case engine::EventOutcome::kDuplicate:
    case engine::EventOutcome::kRedelivered: return Action::kEventDuplicate;
    case engine::EventOutcome::kParked: return Action::kEventParked;
  }
  std::abort();
}

metrics::EventOutcome LabelOf(engine::EventOutcome outcome) {
  switch (outcome) {
    case engine::EventOutcome::kApplied: return metrics::EventOutcome::kApplied;
    case engine::EventOutcome::kStale: return metrics::EventOutcome::kStale;
    case engine::EventOutcome::kIgnored: return metrics::EventOutcome::kIgnored;
    case engine::EventOutcome::kDuplicate:
    case engine::EventOutcome::kRedelivered:
    case engine::EventOutcome::kParked: return metrics::EventOutcome::kDuplicate;  // counted elsewhere, or later
  }
  std::abort();
}

ErrorCode CodeOf(std::string_view name) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::kCrashed); ++code) {
    if (NameOf(static_cast<ErrorCode>(code)) == name) return static_cast<ErrorCode>(code);
  }
  return ErrorCode::kInternal;
}

}  // namespace

Telemetry::Telemetry(metrics::Registry& registry, const Clock& clock, const std::string& dead_letters_topic,
                     int executors, std::size_t batch_max)
    : clock_(clock),
      executors_(executors),
      worker_(registry, clock.Now()),
      database_(registry, {kOperations.begin(), kOperations.end()}, executors),
      produce_(registry, dead_letters_topic),
      kafka_(registry, {metrics::ClientRole::kConsumer, metrics::ClientRole::kProducer}, clock.Now()),
      consumer_(*this) {
  worker_.concurrency_limit.Set(static_cast<double>(executors) * static_cast<double>(batch_max));
}

void Telemetry::Refresh(const engine::EngineStatus& status) {
  worker_.events_buffered.Set(static_cast<double>(status.load.buffered));
  worker_.events_in_flight.Set(static_cast<double>(status.load.in_flight));
  worker_.blocked_keys.Set(static_cast<double>(status.load.blocked_keys));
  worker_.paused_partitions.Set(static_cast<double>(status.load.paused_partitions));
  ShowBreakers(status.open_breakers);
  const auto silent = clock_.Steady() - status.last_poll;
  worker_.Polled(clock_.Now() - std::chrono::duration_cast<std::chrono::system_clock::duration>(silent));
  const int busy = static_cast<int>(status.load.batches);
  database_.SetConnections(busy, executors_ - busy);
}

void Telemetry::ShowBreakers(const std::vector<std::string>& open) {
  if (open == open_breakers_) return;
  for (const auto& handler : open) {
    if (std::find(open_breakers_.begin(), open_breakers_.end(), handler) != open_breakers_.end()) continue;
    log::Error(Action::kBreakerOpened, "A handler is stopped: its events are parked until `keystrand breaker resume`",
               {{Field::kHandler, handler}});
  }
  for (const auto& handler : open_breakers_) {
    if (std::find(open.begin(), open.end(), handler) != open.end()) continue;
    log::Info(Action::kBreakerClosed, "The handler runs again", {{Field::kHandler, handler}});
  }
  open_breakers_ = open;
  for (std::size_t type = 0; type < metrics::kLabelValues<metrics::EventType>.size(); ++type) {
    worker_.SetBreaker(metrics::EventType{static_cast<std::uint8_t>(type)}, !open.empty());
  }
}

void Telemetry::OnTopics(const std::string& problem) {
  if (problem.empty()) return log::Info(Action::kTopicOk, "The topics are fit");
  log::Warn(Action::kTopicUnsafe, "Not consuming until the topics are fit", {{Field::kDetail, problem}});
}

std::chrono::nanoseconds Telemetry::Since(std::int64_t unix_ms) const {
  return clock_.Now().time_since_epoch() - std::chrono::milliseconds(unix_ms);
}

void Telemetry::OnSettled(const engine::Item& item, std::int32_t partition, engine::EventOutcome outcome,
                          std::string_view reason, std::chrono::nanoseconds took) {
  const auto type = TypeOf(item);
  const auto since_accepted = Since((*item.event)->received_at_ms);
  if (outcome == engine::EventOutcome::kRedelivered || outcome == engine::EventOutcome::kParked) {
    worker_.redelivered.Increment();
  } else {
    worker_.Settled(type, LabelOf(outcome), OriginOf(item));
  }
  if (item.trace_unreadable) worker_.trace_context_invalid.Increment();
  const bool live = !item.replayed;  // a replay's days say nothing of our speed
  if (WasAttempted(outcome)) {
    worker_.Attempted(type, metrics::AttemptResult::kOk, took);
    if (item.attempts == 0 && live) worker_.Waited(since_accepted - took);
  }
  if (outcome == engine::EventOutcome::kApplied) {
    if ((*item.event)->envelope.has_nul_escape) worker_.nul_replaced.Increment();
    if (live) worker_.Finished(metrics::EndToEndOutcome::kApplied, since_accepted);
    worker_.Applied(clock_.Now());
  }
  if (log::Enabled(log::Level::kDebug)) LogSettled(item, partition, outcome, reason);
}

void Telemetry::LogSettled(const engine::Item& item, std::int32_t partition, engine::EventOutcome outcome,
                           std::string_view reason) const {
  const auto& envelope = (*item.event)->envelope;
  log::Debug(ActionOf(outcome), "Event settled",
             {{Field::kEventId, envelope.id},
              {Field::kTraceId, TraceIdOf(*item.record)},
              {Field::kEventType, envelope.type},
              {Field::kPartition, partition},
              {Field::kOffset, item.record->offset()},
              {Field::kOutcome, NameOf(outcome)},
              {Field::kReason, reason}});
}

void Telemetry::OnDeadLetter(const store::DeadLetter& letter) {
  const auto type = metrics::EventTypeOf(letter.event_type);
  const auto code = CodeOf(letter.error_code);
  worker_.DeadLettered(type, code);
  worker_.Settled(type, metrics::EventOutcome::kDeadLettered,
                  letter.cycle > 0 ? metrics::Origin::kReplay : metrics::Origin::kLive);
  if (letter.stage == "handle" || letter.stage == "store") {
    worker_.Attempted(type, metrics::AttemptResult::kPermanent, std::chrono::nanoseconds(0));
    worker_.AttemptFailed(type, code);
  }
  if (letter.cycle == 0) worker_.Finished(metrics::EndToEndOutcome::kDeadLettered, Since(letter.record_timestamp_ms));
  log::Error(Action::kEventDeadLettered, "Event given up: an operator must look at it",
             {{Field::kEventId, letter.event_id},
              {Field::kEventType, letter.event_type},
              {Field::kPartition, letter.source.partition},
              {Field::kOffset, letter.source.offset},
              {Field::kAttempt, letter.attempts},
              {Field::kErrorCode, letter.error_code},
              {Field::kDetail, letter.error_message}});
}

void Telemetry::OnLetterNotPublished(std::size_t letters, const Error& error) {
  worker_.dead_letter_write_failures.Increment(static_cast<double>(letters));
  log::Error(Action::kDeadLetterWriteFailed, "Dead letters not published yet: their offsets wait",
             {{Field::kCount, letters}, {Field::kErrorCode, NameOf(error.code)}, {Field::kDetail, error.detail}});
}

void Telemetry::OnRetry(const engine::Item& item, std::int32_t partition, const Error& error) {
  const auto& envelope = (*item.event)->envelope;
  const auto type = TypeOf(item);
  worker_.Attempted(type, metrics::AttemptResult::kRetry, std::chrono::nanoseconds(0));
  worker_.AttemptFailed(type, error.code);
  log::Warn(Action::kEventRetry, "Attempt failed: the key waits for the next one",
            {{Field::kEventId, envelope.id},
             {Field::kTraceId, TraceIdOf(*item.record)},
             {Field::kEventType, envelope.type},
             {Field::kPartition, partition},
             {Field::kOffset, item.record->offset()},
             {Field::kAttempt, item.attempts},
             {Field::kNextAttemptAt, clock_.Now() + item.delay},
             {Field::kErrorCode, NameOf(error.code)},
             {Field::kDetail, error.detail}});
}

void Telemetry::OnParked(const engine::Item& item, std::int32_t partition, const engine::Parking& parking) {
  const auto& envelope = (*item.event)->envelope;
  if (parking.behind) {
    return log::Debug(
        Action::kEventParked, "Waits behind others of its key",
        {{Field::kEventId, envelope.id}, {Field::kPartition, partition}, {Field::kOffset, item.record->offset()}});
  }
  if (parking.reason == store::StrandReason::kBreaker) {
    return log::Debug(
        Action::kEventParked, "Waits for its handler's breaker",
        {{Field::kEventId, envelope.id}, {Field::kPartition, partition}, {Field::kOffset, item.record->offset()}});
  }
  const auto type = TypeOf(item);
  worker_.Attempted(type, metrics::AttemptResult::kRetry, std::chrono::nanoseconds(0));
  worker_.AttemptFailed(type, parking.error.code);
  log::Warn(Action::kEventParked, "Attempt failed: the event is parked, and its key waits behind it",
            {{Field::kEventId, envelope.id},
             {Field::kTraceId, TraceIdOf(*item.record)},
             {Field::kEventType, envelope.type},
             {Field::kPartition, partition},
             {Field::kOffset, item.record->offset()},
             {Field::kAttempt, parking.attempts},
             {Field::kReason, NameOf(parking.reason)},
             {Field::kNextAttemptAt, clock_.Now() + parking.wait.value_or(std::chrono::milliseconds(0))},
             {Field::kErrorCode, NameOf(parking.error.code)},
             {Field::kDetail, parking.error.detail}});
}

void Telemetry::OnConflict() { worker_.conflicts.Increment(); }
void Telemetry::OnBatch(std::chrono::nanoseconds waited) { database_.WaitedForConnection(waited); }
void Telemetry::OnBisect() { worker_.bisects.Increment(); }
void Telemetry::OnCommitInDoubt() { worker_.commits_in_doubt.Increment(); }

void Telemetry::OnFenced(std::int32_t partition) {
  worker_.fenced.Increment();
  log::Warn(Action::kWorkerFenced, "Another worker took the partition over: nothing was committed",
            {{Field::kPartition, partition}});
}

void Telemetry::OnLeased(std::int32_t partition, std::int64_t epoch, bool unclean) {
  log::Info(Action::kWorkerLeaseTaken, "Partition taken", {{Field::kPartition, partition}, {Field::kEpoch, epoch}});
  if (!unclean) return;
  log::Warn(Action::kWorkerUncleanEnd, "The last owner of the partition did not release it",
            {{Field::kPartition, partition}, {Field::kEpoch, epoch}});
}

void Telemetry::OnRewound(std::int32_t partition, std::int64_t start, std::int64_t kafka) {
  log::Warn(Action::kWorkerRewound, "The database is older than Kafka's position: reading again from its own",
            {{Field::kPartition, partition}, {Field::kNextOffset, start}, {Field::kCommittedOffset, kafka}});
}

void Telemetry::OnRebalance(Rebalance kind, std::size_t partitions) {
  static constexpr std::array<std::string_view, 3> kNames = {"assigned", "revoked", "lost"};
  worker_.Rebalanced(static_cast<metrics::Rebalance>(kind));
  log::Info(Action::kKafkaRebalanced, "Partitions came or went",
            {{Field::kState, kNames[static_cast<std::size_t>(kind)]}, {Field::kPartitions, partitions}});
}

void Telemetry::OnOffsetCommit(bool ok, std::string_view error) {
  worker_.OffsetCommitted(ok ? metrics::CommitResult::kOk : metrics::CommitResult::kError);
  if (!ok)
    log::Warn(Action::kKafkaCommitFailed, "Offsets not committed: a later commit covers them", {{Field::kCode, error}});
}

void Telemetry::OnGapSkipped(std::int32_t partition, std::int64_t position, std::int64_t next) {
  log::Warn(Action::kWorkerGapSkipped, "The partition goes on behind a gap that an operator accepted",
            {{Field::kPartition, partition}, {Field::kOffset, position}, {Field::kNextOffset, next}});
}

void Telemetry::OnPositionOutsideLog(std::int32_t partition) {
  log::Error(Action::kWorkerPositionLost,
             "The partition's position lies outside the log: stopped until keystrand gap accept",
             {{Field::kPartition, partition}});
}

void Telemetry::OnPruned(const store::PruneCounts& done) {
  log::Info(Action::kRowsPruned, "What was settled long ago is deleted: inbox, dead letters and outbox",
            {{Field::kCount, done.events + done.letters + done.effects}});
}

void Telemetry::OnNotPruned(const Error& error) {
  log::Warn(Action::kRowsKept, "Nothing could be pruned: tried again at the next turn",
            {{Field::kErrorCode, NameOf(error.code)}, {Field::kDetail, error.detail}});
}

void Telemetry::OnDatabaseAway(const Error& error) {
  log::Warn(Action::kDbUnavailable, "The database is away: holding, no attempt is counted",
            {{Field::kErrorCode, NameOf(error.code)}, {Field::kDetail, error.detail}});
}

void Telemetry::OnDatabaseBack() { log::Info(Action::kDbReconnected, "The database answers again"); }

void Telemetry::OnDatabaseReplaced() {
  log::Warn(Action::kDbReconnected, "Another database than before, restored or failed over: taking all leases anew");
}

void Telemetry::OnMisdeployed(const Error& error) {
  log::Error(Action::kWorkerHeld, "A table, column or right is missing: holding until it is there",
             {{Field::kErrorCode, NameOf(error.code)}, {Field::kDetail, error.detail}});
}

void Telemetry::OnOperation(std::string_view statement, std::chrono::nanoseconds took) {
  database_.Operation(statement, took);
}

void Telemetry::OnError(std::string_view statement, std::string_view sqlstate) { database_.Error(statement, sqlstate); }

void Telemetry::OnConnected(bool again) {
  if (again) database_.reconnects.Increment();
}

void Telemetry::OnCorruption(std::string_view statement, std::string_view sqlstate) {
  log::Error(Action::kProcessFailed,
             "PostgreSQL says that its files are damaged: stopped before anything more is written",
             {{Field::kDetail, std::string(statement) + ": SQLSTATE " + std::string(sqlstate)}});
  log::Stop();
  _exit(1);
}

void Telemetry::OnProduced(kafka::ProduceResult result, std::chrono::nanoseconds took) {
  produce_.Produced(static_cast<metrics::ProduceResult>(result), took);
}

void Telemetry::OnStatistics(std::string_view json) {
  kafka_.Update(metrics::ClientRole::kProducer, json, clock_.Now());
}

void Telemetry::OnClientError(std::string_view code, std::string_view reason, bool fatal) {
  ClientErrorSeen(metrics::ClientRole::kProducer, code, reason, fatal);
}

void Telemetry::Consumer::OnStatistics(std::string_view json) {
  owner_.kafka_.Update(metrics::ClientRole::kConsumer, json, owner_.clock_.Now());
}

void Telemetry::Consumer::OnClientError(std::string_view code, std::string_view reason, bool fatal) {
  owner_.ClientErrorSeen(metrics::ClientRole::kConsumer, code, reason, fatal);
}

void Telemetry::ClientErrorSeen(metrics::ClientRole role, std::string_view code, std::string_view reason, bool fatal) {
  kafka_.ClientErrorSeen(role, code);
  log::Write(fatal ? log::Level::kError : log::Level::kWarn, fatal ? Action::kKafkaFatal : Action::kKafkaError,
             "The Kafka client reports trouble",
             {{Field::kClient, metrics::NameOf(role)}, {Field::kCode, code}, {Field::kDetail, reason}});
}

}  // namespace keystrand::worker
