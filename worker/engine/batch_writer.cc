#include "worker/engine/batch_writer.h"

#include <set>
#include <utility>

#include "worker/engine/decider.h"
#include "worker/engine/dispatcher.h"
#include "worker/engine/letters.h"
#include "worker/store/suspects.h"

namespace keystrand::worker::engine {
namespace {

/// Views of the entry and of `topic`.
store::InboxRow RowOf(const Entry& entry, const std::string& topic) {
  const auto& event = **entry.item->event;
  store::InboxRow row;
  row.key = KeyOf(event);
  row.event_type = event.envelope.type;
  row.ordering_key = entry.item->record->key();
  row.object_type = event.envelope.object_kind;
  row.object_id = event.envelope.object_id;
  row.api_version = event.envelope.api_version;
  row.event_created = event.created;
  row.received_at_ms = event.received_at_ms;
  row.source_topic = topic;
  row.source_partition = entry.partition();
  row.source_offset = entry.item->record->offset();
  row.status = entry.status;
  row.reason = entry.reason;
  row.attempts = entry.attempts;
  if (entry.decision == Decision::kDead) row.error_code = NameOf(entry.error.code);
  return row;
}

/// What a batch changes about strands.
struct StrandChanges {
  std::vector<store::ParkedEvent> appended;
  std::vector<store::ParkedEvent> updated;
  std::vector<store::SourcePosition> removed;
  std::set<store::Strand> stopped;
  std::set<store::Strand> advanced;  ///< their head is gone, or they had none
};

class StrandChange {
 public:
  StrandChange(const Entry& entry, const Heads& heads, const std::string& topic, StrandChanges& changes)
      : entry_(entry), topic_(topic), changes_(changes) {
    const auto found = heads.find(entry.slice);
    if (found != heads.end()) head_ = &found->second;
  }

  void Add() {
    switch (entry_.decision) {
      case Decision::kSettled: return Leave();
      case Decision::kDead: return entry_.holds ? Hold() : Leave();
      case Decision::kPark: return Park();
      case Decision::kNone:
      case Decision::kRetry:
      case Decision::kBack:
      case Decision::kDropped: return;
    }
  }

 private:
  [[nodiscard]] store::Strand Named(store::StrandReason reason) const {
    return {entry_.partition(), std::string(entry_.slice->lane->key), reason};
  }
  [[nodiscard]] bool IsHeldHead() const {
    return entry_.replays && head_ != nullptr && head_->held && head_->offset == entry_.item->replay->source.offset;
  }

  [[nodiscard]] store::ParkedEvent Event(std::int64_t offset) const {
    const auto& record = *entry_.item->record;
    const auto& envelope = (*entry_.item->event)->envelope;
    store::ParkedEvent event;
    event.partition = entry_.partition();
    event.offset = offset;
    event.key = record.key();
    event.scope = envelope.scope;
    event.event_id = envelope.id;
    event.headers = record.HeaderTexts();
    event.payload = record.value();
    event.attempts = entry_.attempts;
    event.wait = entry_.wait;
    if (!entry_.behind) event.last_error = std::string(NameOf(entry_.error.code)) + ": " + entry_.error.detail;
    event.record_timestamp_ms = record.timestamp_ms();
    return event;
  }

  void Remove(const store::SourcePosition& position) {
    changes_.removed.push_back(position);
    changes_.advanced.insert(Named(store::StrandReason::kRetry));
  }

  /// A parked event, or the event whose replay this is, is over.
  void Leave() {
    if (entry_.item->parked()) Remove(entry_.Position(topic_));
    if (entry_.decision == Decision::kSettled && IsHeldHead()) Remove(entry_.item->replay->source);
  }

  /// Dead, and in front of its strand until its replay or discard, at the place by which its letter is known.
  void Hold() {
    changes_.stopped.insert(Named(store::StrandReason::kHold));
    if (IsHeldHead()) return;  // it is held already
    const auto own = entry_.Position(topic_);
    const std::int64_t offset = entry_.letter ? entry_.letter->offset : own.offset;
    auto held = Event(offset);
    held.held = true;
    held.wait.reset();
    if (entry_.item->parked() && offset == own.offset) return changes_.updated.push_back(std::move(held));
    if (entry_.item->parked()) changes_.removed.push_back(own);
    changes_.appended.push_back(std::move(held));
  }

  void Park() {
    if (entry_.item->parked()) {
      changes_.updated.push_back(Event(entry_.item->record->offset()));
    } else {
      changes_.appended.push_back(Event(entry_.item->record->offset()));
    }
    if (!entry_.behind) {
      changes_.stopped.insert(Named(entry_.strand));
    } else if (head_ != nullptr && head_->offset < 0) {
      changes_.advanced.insert(Named(store::StrandReason::kRetry));  // behind nobody
    }
  }

  const Entry& entry_;
  const std::string& topic_;
  StrandChanges& changes_;
  const store::LockedHead* head_ = nullptr;
};

}  // namespace

Result<> BatchWriter::Write(store::Transaction& transaction, Attempt& attempt,
                            std::chrono::system_clock::time_point now) const {
  if (auto objects = WriteObjects(transaction, attempt); !objects) return objects;
  if (auto letters = WriteLetters(transaction, attempt, now); !letters) return letters;
  if (auto strands = WriteStrands(transaction, attempt); !strands) return strands;
  if (auto inbox = WriteInbox(transaction, attempt.entries); !inbox) return inbox;
  if (auto forgotten = ForgetSuspect(transaction, attempt); !forgotten) return forgotten;
  return TellOutcomes(transaction, attempt.entries);
}

Result<> BatchWriter::WriteObjects(store::Transaction& transaction, Attempt& attempt) {
  const auto& objects = attempt.work.objects;
  auto updated = store::UpdateObjects(transaction, objects.Changed(true), attempt.work.versions, attempt.version);
  if (!updated) return updated;
  const auto fresh = objects.Changed(false);
  return attempt.unread ? store::ReplaceObjects(transaction, fresh, attempt.version)
                        : store::InsertObjects(transaction, fresh);
}

Result<> BatchWriter::WriteLetters(store::Transaction& transaction, Attempt& attempt,
                                   std::chrono::system_clock::time_point now) const {
  for (auto& entry : attempt.entries) {
    if (entry.decision == Decision::kDead) {
      const auto letter =
          MakeLetter(*entry.item, entry.Position(topic_), entry.error, entry.stage, entry.attempts, worker_, now);
      if (auto written = WriteLetter(transaction, attempt, entry, letter); !written) return written;
    } else if (entry.decision == Decision::kSettled && entry.replays) {
      const Replay& replay = *entry.item->replay;
      if (auto resolved = store::ResolveDeadLetter(transaction, replay.source, replay.id); !resolved) return resolved;
    }
  }
  return {};
}

/// A replay reopens its letter; anything else, and what only claims to be a replay, gets one of its own.
Result<> BatchWriter::WriteLetter(store::Transaction& transaction, Attempt& attempt, Entry& entry,
                                  const store::DeadLetter& letter) const {
  const auto stopped = breakers_.Pay(transaction, entry, letter.fingerprint);
  if (!stopped) return Fail(stopped.error());
  attempt.opened |= *stopped;
  if (entry.item->replay) {
    auto reopened = letter;
    reopened.source = entry.item->replay->source;
    const auto found = store::ReopenDeadLetter(transaction, reopened, entry.item->replay->id);
    if (!found) return Fail(found.error());
    if (*found != store::ReplayedLetter::kUnknown) {
      entry.letter = reopened.source;
      return {};
    }
  }
  entry.letter = letter.source;
  return store::InsertDeadLetter(transaction, letter);
}

Result<> BatchWriter::WriteStrands(store::Transaction& transaction, Attempt& attempt) const {
  StrandChanges changes;
  for (const auto& entry : attempt.entries) StrandChange(entry, attempt.heads, topic_, changes).Add();
  const std::vector<store::Strand> stopped(changes.stopped.begin(), changes.stopped.end());
  const std::vector<store::Strand> advanced(changes.advanced.begin(), changes.advanced.end());
  if (auto saved = store::SaveStrands(transaction, topic_, stopped); !saved) return saved;
  if (auto removed = store::RemoveParked(transaction, topic_, changes.removed); !removed) return removed;
  if (auto updated = store::UpdateParked(transaction, topic_, changes.updated); !updated) return updated;
  if (auto appended = store::AppendParked(transaction, topic_, changes.appended); !appended) return appended;
  auto freed = store::AdvanceStrands(transaction, topic_, advanced);
  if (!freed) return Fail(freed.error());
  attempt.freed = std::move(*freed);
  return {};
}

Result<> BatchWriter::WriteInbox(store::Transaction& transaction, const Entries& entries) const {
  std::vector<store::InboxRow> fresh;
  std::vector<store::InboxRow> waiting;
  for (const auto& entry : entries) {
    if (entry.inbox == Entry::InboxWrite::kInsert) fresh.push_back(RowOf(entry, topic_));
    if (entry.inbox == Entry::InboxWrite::kUpdate) waiting.push_back(RowOf(entry, topic_));
  }
  if (auto inserted = store::InsertInbox(transaction, fresh); !inserted) return inserted;
  const auto updated = store::UpdateInbox(transaction, waiting);
  if (!updated) return Fail(updated.error());
  return *updated < waiting.size() ? Fail(ErrorCode::kConflict, "another partition settled an event first")
                                   : Result<>{};
}

/// Also when it is to be tried again in memory: it has not killed the process.
Result<> BatchWriter::ForgetSuspect(store::Transaction& transaction, const Attempt& attempt) const {
  if (!attempt.suspect) return {};
  return store::ForgetTry(transaction, attempt.entries.front().Position(topic_));
}

Result<> BatchWriter::TellOutcomes(store::Transaction& transaction, const Entries& entries) const {
  if (outcomes_ == nullptr) return {};
  std::vector<SettledRecord> settled;
  for (const auto& entry : entries) {
    if (entry.decision != Decision::kSettled && entry.decision != Decision::kDead &&
        entry.decision != Decision::kPark) {
      continue;
    }
    const bool dead = entry.decision == Decision::kDead || entry.known_dead;
    const EventOutcome outcome = entry.decision == Decision::kPark ? EventOutcome::kParked : entry.outcome;
    settled.push_back({entry.partition(), entry.item->record->offset(), entry.slice->partition->epoch,
                       entry.item->record->key(), dead ? "dead" : NameOf(outcome)});
  }
  return outcomes_->OnSettled(transaction, settled);
}

}  // namespace keystrand::worker::engine
