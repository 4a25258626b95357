#include "worker/engine/batch_runner.h"

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include "common/kafka/record_headers.h"
#include "worker/engine/event_reader.h"

namespace keystrand::worker::engine {
namespace {

constexpr int kConflictsMax = 20;  ///< in a row; then it counts as one timeout
constexpr std::chrono::milliseconds kMisdeployedPause{5000};
constexpr std::string_view kFenced = "fenced";

std::int64_t UnixMs(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

store::EventKey KeyOf(const handlers::Event& event) { return {event.envelope.scope, event.envelope.id}; }

bool WrongMode(const handlers::Event& event) {
  if (event.expected_mode == "any") return false;
  return (event.expected_mode == "live") != event.envelope.livemode;
}

EventOutcome OutcomeOf(handlers::Verdict verdict) {
  switch (verdict) {
    case handlers::Verdict::kIgnored: return EventOutcome::kIgnored;
    case handlers::Verdict::kStale: return EventOutcome::kStale;
    case handlers::Verdict::kApplied: return EventOutcome::kApplied;
  }
  std::abort();
}

store::InboxStatus StatusOf(EventOutcome outcome) {
  switch (outcome) {
    case EventOutcome::kStale: return store::InboxStatus::kStale;
    case EventOutcome::kIgnored: return store::InboxStatus::kIgnored;
    case EventOutcome::kApplied:
    case EventOutcome::kDuplicate:
    case EventOutcome::kRedelivered: return store::InboxStatus::kApplied;
  }
  std::abort();
}

/// What a row of our own that landed says the event's outcome was.
EventOutcome OutcomeOf(store::InboxStatus status) {
  if (status == store::InboxStatus::kStale) return EventOutcome::kStale;
  if (status == store::InboxStatus::kIgnored) return EventOutcome::kIgnored;
  return EventOutcome::kApplied;
}

}  // namespace

std::string_view NameOf(EventOutcome outcome) {
  switch (outcome) {
    case EventOutcome::kApplied: return "applied";
    case EventOutcome::kDuplicate: return "duplicate";
    case EventOutcome::kStale: return "stale";
    case EventOutcome::kIgnored: return "ignored";
    case EventOutcome::kRedelivered: return "redelivered";
  }
  std::abort();
}

bool BatchRunner::Run(store::Session& session, Batch& batch) {
  Read(batch);
  Entries entries;
  for (auto& slice : batch.slices) {
    for (auto& item : slice.items) entries.push_back({&slice, &item});
  }
  return Process(session, std::move(entries));
}

void BatchRunner::Read(Batch& batch) {
  for (auto& slice : batch.slices) {
    for (auto& item : slice.items) {
      if (item.event) continue;
      item.event = ReadEvent(*item.record, slice.partition->number, context_.partition_count, context_.own_account);
    }
  }
}

bool BatchRunner::Process(store::Session& session, Entries entries) {
  for (int conflicts = 0; !entries.empty();) {
    std::vector<std::int32_t> lost;
    const auto started = context_.clock.Steady();
    const auto result = Attempt(session, entries, lost);
    if (result) {
      Finish(entries, context_.clock.Steady() - started);
      return true;
    }
    if (!lost.empty()) {
      DropLost(entries, lost);
      continue;
    }
    const Error& error = result.error();
    switch (DispositionOf(error.code)) {
      case Disposition::kHold:
        GoBack(entries, std::chrono::milliseconds(0), error.detail == store::kCommitInDoubt);
        if (error.detail == store::kCommitInDoubt) context_.observer.OnCommitInDoubt();
        context_.observer.OnDatabaseAway(error);
        return false;
      case Disposition::kOpenBreaker:
        GoBack(entries, kMisdeployedPause, false);
        context_.database.Misdeployed(true);
        context_.observer.OnMisdeployed(error);
        return true;
      case Disposition::kRetryNow:
        context_.observer.OnConflict();
        if (++conflicts < kConflictsMax) {
          Jitter();
          continue;
        }
        return FailedAlone(session, std::move(entries), {ErrorCode::kTimeout, "20 conflicts in a row"});
      case Disposition::kDeadLetter:
      case Disposition::kRetryCounted:
      case Disposition::kRefuse: return FailedAlone(session, std::move(entries), error);
    }
  }
  return true;
}

/// The database found fault with these events: the one that is alone is judged, several are split.
bool BatchRunner::FailedAlone(store::Session& session, Entries entries, const Error& error) {
  if (entries.size() > 1) return Split(session, std::move(entries));
  Item& item = *entries.front().item;
  if (DispositionOf(error.code) == Disposition::kDeadLetter) {
    ++item.attempts;
    item.verdict = error;
    return Process(session, std::move(entries));
  }
  CountAttempt(item, entries.front().slice->partition->number, error);
  if (item.settlement == Settlement::kBack && item.verdict) return Process(session, std::move(entries));
  return true;
}

/// By keys while there are several, then by prefix: what follows an unsettled event of its key waits.
bool BatchRunner::Split(store::Session& session, Entries entries) {
  context_.observer.OnBisect();
  auto middle = entries.begin() + static_cast<std::ptrdiff_t>(entries.size() / 2);
  const bool one_key = entries.front().slice == entries.back().slice;
  if (!one_key) {
    auto boundary = middle;
    while (boundary != entries.end() && boundary->slice == std::prev(boundary)->slice) ++boundary;
    while (boundary == entries.end() || boundary->slice == std::prev(boundary)->slice) --boundary;
    middle = boundary;
  }
  Entries second{std::make_move_iterator(middle), std::make_move_iterator(entries.end())};
  entries.erase(middle, entries.end());
  const Item* const last_of_first = entries.back().item;
  if (!Process(session, std::move(entries))) {
    GoBack(second, std::chrono::milliseconds(0), false);
    return false;
  }
  const bool settled =
      last_of_first->settlement == Settlement::kDone || last_of_first->settlement == Settlement::kAwaitingLetter;
  if (one_key && !settled) {
    GoBack(second, std::chrono::milliseconds(0), false);
    return true;
  }
  return Process(session, std::move(second));
}

Result<> BatchRunner::Attempt(store::Session& session, Entries& entries, std::vector<std::int32_t>& lost) {
  for (auto& entry : entries) entry = Entry{entry.slice, entry.item};
  std::map<std::int32_t, std::int64_t> epochs;
  for (const auto& entry : entries) epochs[entry.slice->partition->number] = entry.slice->partition->epoch;
  std::vector<store::HeldEpoch> held;
  for (const auto& [partition, epoch] : epochs) held.push_back({partition, epoch});
  return session.InTransaction([&](store::Transaction& transaction) -> Result<> {
    auto taken_over = store::ShareLeases(transaction, context_.events_topic, held);
    if (!taken_over) return Fail(taken_over.error());
    if (!taken_over->empty()) {
      lost = std::move(*taken_over);
      return Fail(ErrorCode::kConflict, std::string(kFenced));
    }
    if (auto judged = JudgeKnown(transaction, entries); !judged) return judged;
    handlers::UnitOfWork work;
    if (auto loaded = Load(transaction, entries, work); !loaded) return loaded;
    Decide(entries, work);
    return Write(transaction, entries, work);
  });
}

/// Settles what the inbox knows already: our own earlier work (the same source position) is taken over, all else is a
/// duplicate, whatever its body says.
Result<> BatchRunner::JudgeKnown(store::Transaction& transaction, Entries& entries) {
  std::set<store::EventKey> asked;
  for (const auto& entry : entries) {
    if (*entry.item->event) asked.insert(KeyOf(**entry.item->event));
  }
  const auto found = store::FindKnown(transaction, {asked.begin(), asked.end()});
  if (!found) return Fail(found.error());
  std::map<store::EventKey, const store::KnownEvent*> known;
  for (const auto& event : *found) known.emplace(event.key, &event);
  for (auto& entry : entries) {
    if (!*entry.item->event) continue;
    const auto row = known.find(KeyOf(**entry.item->event));
    if (row == known.end()) continue;
    const store::SourcePosition here{context_.events_topic, entry.slice->partition->number,
                                     entry.item->record->offset()};
    entry.decision = Decision::kSettled;
    if (row->second->source != here) {
      entry.outcome = EventOutcome::kDuplicate;
    } else {
      entry.known_dead = row->second->status == store::InboxStatus::kDead;
      entry.outcome = entry.item->in_doubt ? OutcomeOf(row->second->status) : EventOutcome::kRedelivered;
    }
  }
  return {};
}

Result<> BatchRunner::Load(store::Transaction& transaction, const Entries& entries, handlers::UnitOfWork& work) {
  handlers::RowKeys keys;
  for (const auto& entry : entries) {
    if (entry.decision != Decision::kNone || !*entry.item->event || entry.item->verdict) continue;
    for (const auto* handler : context_.handlers) handler->Need(**entry.item->event, keys);
  }
  std::vector<store::ObjectNeed> needs;
  for (const auto& [key, seconds] : keys.objects) needs.push_back({key, seconds.oldest, seconds.newest});
  auto rows = store::LoadObjects(transaction, needs);
  if (!rows) return Fail(rows.error());
  for (auto& row : *rows) {
    auto key = row.key;
    work.objects.Load(std::move(key), std::move(row));
  }
  return {};
}

/// In order; an event that is not settled holds back what follows in its lane, and its own copies anywhere in the
/// batch.
void BatchRunner::Decide(Entries& entries, handlers::UnitOfWork& work) {
  FirstOf first;
  const Slice* blocked = nullptr;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Entry& entry = entries[i];
    if (entry.slice == blocked) {
      entry.decision = Decision::kBack;
      continue;
    }
    if (entry.decision == Decision::kNone && *entry.item->event) {
      const auto [copy, fresh] = first.emplace(KeyOf(**entry.item->event), i);
      if (!fresh) {
        const bool settled =
            entries[copy->second].decision == Decision::kSettled || entries[copy->second].decision == Decision::kDead;
        entry.decision = settled ? Decision::kSettled : Decision::kBack;
        entry.outcome = EventOutcome::kDuplicate;
      }
    }
    if (entry.decision == Decision::kNone) DecideOne(entry, work);
    if (entry.decision == Decision::kRetry || entry.decision == Decision::kBack) blocked = entry.slice;
  }
}

void BatchRunner::DecideOne(Entry& entry, handlers::UnitOfWork& work) {
  const auto& event = *entry.item->event;
  if (entry.item->verdict || !event) {
    entry.decision = Decision::kDead;
    entry.stage = event ? "store" : "parse";
    entry.error = event ? *entry.item->verdict : event.error();
    entry.writes_inbox = event.has_value();
    entry.status = store::InboxStatus::kDead;
    return;
  }
  if (WrongMode(*event)) {
    entry.decision = Decision::kSettled;
    entry.outcome = EventOutcome::kIgnored;
    entry.status = store::InboxStatus::kIgnored;
    entry.reason = "wrong_mode";
    entry.writes_inbox = true;
    return;
  }
  Apply(entry, work);
}

void BatchRunner::Apply(Entry& entry, handlers::UnitOfWork& work) {
  auto verdict = handlers::Verdict::kIgnored;
  for (const auto* handler : context_.handlers) {
    auto outcome = handler->Apply(**entry.item->event, work);
    if (!outcome) {
      work.Undo();
      const bool dead = DispositionOf(outcome.error().code) == Disposition::kDeadLetter;
      entry.decision = dead ? Decision::kDead : Decision::kRetry;
      entry.status = store::InboxStatus::kDead;
      entry.stage = "handle";
      entry.writes_inbox = dead;
      entry.error = std::move(outcome.error());
      return;
    }
    verdict = std::max(verdict, outcome->verdict);
    if (entry.reason.empty()) entry.reason = std::move(outcome->reason);
  }
  work.Keep();
  entry.decision = Decision::kSettled;
  entry.outcome = OutcomeOf(verdict);
  entry.status = StatusOf(entry.outcome);
  entry.writes_inbox = true;
  if (verdict != handlers::Verdict::kIgnored) entry.reason.clear();
}

Result<> BatchRunner::Write(store::Transaction& transaction, const Entries& entries, const handlers::UnitOfWork& work) {
  const auto found = work.objects.Changed(true);
  const auto fresh = work.objects.Changed(false);
  const auto updated = store::UpdateObjects(transaction, found);
  if (!updated) return Fail(updated.error());
  const auto inserted = store::InsertObjects(transaction, fresh);
  if (!inserted) return Fail(inserted.error());
  if (*updated < found.size() || *inserted < fresh.size()) {
    return Fail(ErrorCode::kConflict, "another partition wrote an object first");
  }
  if (auto letters = WriteLetters(transaction, entries); !letters) return letters;
  if (auto inbox = WriteInbox(transaction, entries); !inbox) return inbox;
  return TellOutcomes(transaction, entries);
}

Result<> BatchRunner::WriteLetters(store::Transaction& transaction, const Entries& entries) {
  for (const auto& entry : entries) {
    if (entry.decision != Decision::kDead) continue;
    const auto letter = MakeLetter(*entry.item, context_.events_topic, entry.slice->partition->number, entry.error,
                                   entry.stage, context_.worker, context_.clock.Now());
    if (auto inserted = store::InsertDeadLetter(transaction, letter); !inserted) return inserted;
  }
  return {};
}

Result<> BatchRunner::WriteInbox(store::Transaction& transaction, const Entries& entries) {
  std::vector<store::InboxRow> rows;
  for (const auto& entry : entries) {
    if (!entry.writes_inbox) continue;
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
    row.source = {context_.events_topic, entry.slice->partition->number, entry.item->record->offset()};
    row.status = entry.status;
    row.reason = entry.reason;
    row.attempts = entry.item->attempts + (entry.item->verdict ? 0 : 1);
    if (entry.decision == Decision::kDead) row.error_code = NameOf(entry.error.code);
    rows.push_back(std::move(row));
  }
  const auto inserted = store::InsertInbox(transaction, rows);
  if (!inserted) return Fail(inserted.error());
  if (*inserted < rows.size()) return Fail(ErrorCode::kConflict, "another partition settled an event first");
  return {};
}

Result<> BatchRunner::TellOutcomes(store::Transaction& transaction, const Entries& entries) {
  if (context_.outcomes == nullptr) return {};
  std::vector<SettledRecord> settled;
  for (const auto& entry : entries) {
    if (entry.decision != Decision::kSettled && entry.decision != Decision::kDead) continue;
    const bool dead = entry.decision == Decision::kDead || entry.known_dead;
    settled.push_back({entry.slice->partition->number, entry.item->record->offset(), entry.slice->partition->epoch,
                       entry.item->record->key(), dead ? "dead" : NameOf(entry.outcome)});
  }
  return context_.outcomes->OnSettled(transaction, settled);
}

/// After the commit.
void BatchRunner::Finish(Entries& entries, std::chrono::nanoseconds took) {
  context_.database.Misdeployed(false);
  std::set<std::int32_t> with_letters;
  for (auto& entry : entries) {
    Item& item = *entry.item;
    const auto partition = entry.slice->partition->number;
    const bool dead = entry.decision == Decision::kDead || entry.known_dead;
    if (entry.decision == Decision::kRetry) {
      CountAttempt(item, partition, entry.error);
    } else if (dead) {
      item.settlement = Settlement::kAwaitingLetter;
      context_.letters.Await(partition, item.record->offset());
      with_letters.insert(partition);
    } else if (entry.decision == Decision::kSettled) {
      item.settlement = Settlement::kDone;
      context_.observer.OnSettled(item, partition, entry.outcome, entry.reason, took);
    }
  }
  if (with_letters.empty()) return;
  context_.dispatcher.Post(
      [&letters = context_.letters, partitions = std::vector(with_letters.begin(), with_letters.end())](
          store::Session& session) { return letters.Publish(session, partitions); });
}

/// Another try later, or, when it has had them all, a dead letter at the next one.
void BatchRunner::CountAttempt(Item& item, std::int32_t partition, const Error& error) {
  if (item.first_failed_at_ms == 0) item.first_failed_at_ms = UnixMs(context_.clock.Now());
  ++item.attempts;
  const auto delay = retry_.DelayAfter(item.attempts);
  if (!delay) {
    item.verdict = error;
    item.settlement = Settlement::kBack;
    return;
  }
  item.settlement = Settlement::kRetry;
  item.delay = *delay;
  context_.observer.OnRetry(item, partition, error);
}

void BatchRunner::DropLost(Entries& entries, const std::vector<std::int32_t>& lost) {
  for (const auto partition : lost) context_.observer.OnFenced(partition);
  std::erase_if(entries, [&](const Entry& entry) {
    const auto& partition = *entry.slice->partition;
    if (std::find(lost.begin(), lost.end(), partition.number) == lost.end()) return false;
    entry.item->settlement = Settlement::kDropped;
    context_.dispatcher.Fence(partition.number, partition.epoch);
    return true;
  });
}

void BatchRunner::GoBack(Entries& entries, std::chrono::milliseconds delay, bool in_doubt) {
  for (auto& entry : entries) {
    entry.item->settlement = Settlement::kBack;
    entry.item->delay = delay;
    entry.item->in_doubt = entry.item->in_doubt || in_doubt;
  }
}

void BatchRunner::Jitter() {
  std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution<int>(0, 5000)(random_)));
}

}  // namespace keystrand::worker::engine
