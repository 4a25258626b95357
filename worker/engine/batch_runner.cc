#include "worker/engine/batch_runner.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <thread>
#include <utility>

#include "common/kafka/record_headers.h"
#include "worker/engine/event_reader.h"
#include "worker/store/suspects.h"

namespace keystrand::worker::engine {
namespace {

constexpr int kConflictsMax = 20;  ///< in a row; then it counts as one timeout
constexpr std::chrono::milliseconds kMisdeployedPause{5000};

constexpr int kCrashesMax = 3;

/// The event as its headers tell it, since its body may be what kills; with that, it is dead.
void ReadDeadOfCrash(Item& item) {
  const Error error{ErrorCode::kCrashed, "the worker died on it three times"};
  if (ReadItemByHeaders(item)) {
    item.fate = std::make_unique<Fate>(Fate{Fate::Kind::kDead, error, "crash", kCrashesMax});
  } else {
    item.event = std::make_unique<Result<handlers::Event>>(Fail(error));
  }
}

std::int64_t UnixMs(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

std::vector<store::HeldEpoch> EpochsOf(const Attempt& attempt) {
  std::map<std::int32_t, std::int64_t> epochs;
  for (const auto& entry : attempt.entries) epochs[entry.partition()] = entry.slice->partition->epoch;
  std::vector<store::HeldEpoch> held;
  for (const auto& [partition, epoch] : epochs) held.push_back({partition, epoch});
  return held;
}

bool Settled(const Item& item) {
  return item.settlement == Settlement::kDone || item.settlement == Settlement::kAwaitingLetter;
}

/// A parked event that is not what its strand begins with any more (somebody discarded it, or it was tried already) is
/// left out with all behind it: what is due is offered again.
void DropMoved(Attempt& attempt) {
  const Slice* seen = nullptr;
  const Slice* moved = nullptr;
  for (auto& entry : attempt.entries) {
    if (!entry.item->parked()) continue;
    if (std::exchange(seen, entry.slice) != entry.slice) {
      const auto head = attempt.heads.find(entry.slice);
      const bool in_front = head != attempt.heads.end() && head->second.offset == entry.item->record->offset() &&
                            head->second.attempts == entry.item->attempts && !head->second.held;
      if (!in_front) moved = entry.slice;
    }
    if (entry.slice == moved) entry.decision = Decision::kDropped;
  }
}

}  // namespace

std::string_view NameOf(EventOutcome outcome) {
  switch (outcome) {
    case EventOutcome::kApplied: return "applied";
    case EventOutcome::kDuplicate: return "duplicate";
    case EventOutcome::kStale: return "stale";
    case EventOutcome::kIgnored: return "ignored";
    case EventOutcome::kRedelivered: return "redelivered";
    case EventOutcome::kParked: return "parked";
  }
  std::abort();
}

bool BatchRunner::Run(store::Session& session, Batch& batch) {
  suspect_ = batch.suspect;
  database_ = session.identity();
  if (batch.suspect) return RunSuspect(session, batch);
  const ExclusiveGate::Pass pass(context_.gate, false);
  return RunAll(session, batch);
}

/// The try is counted before a byte of the event is looked at. The one that decides runs with nothing else beside it.
bool BatchRunner::RunSuspect(store::Session& session, Batch& batch) {
  Slice& slice = batch.slices.front();
  Item& item = slice.items.front();
  int tries = 0;
  const auto counted = session.InTransaction([&](store::Transaction& transaction) -> Result<> {
    const auto so_far = store::CountTry(
        transaction, {context_.events_topic, slice.partition->number, item.record->offset()}, slice.partition->epoch);
    if (!so_far) return Fail(so_far.error());
    tries = *so_far;
    return {};
  });
  if (!counted) {
    item.delay = kMisdeployedPause;
    return counted.error().code != ErrorCode::kUnavailable;
  }
  if (tries > kCrashesMax) ReadDeadOfCrash(item);
  const ExclusiveGate::Pass pass(context_.gate, tries == kCrashesMax);
  return RunAll(session, batch);
}

bool BatchRunner::RunAll(store::Session& session, Batch& batch) {
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
      if (!item.event) ReadItem(item, slice.partition->number, context_.partition_count, context_.own_account);
    }
  }
}

bool BatchRunner::Process(store::Session& session, Entries entries) {
  for (int conflicts = 0; !entries.empty();) {
    Attempt attempt{std::move(entries), suspect_, conflicts > 0 || suspect_ || context_.duplicates.IsCareful()};
    const auto started = context_.clock.Steady();
    const auto result = Try(session, attempt);
    entries = std::move(attempt.entries);
    if (result) {
      attempt.entries = std::move(entries);
      Finish(attempt, context_.clock.Steady() - started);
      return true;
    }
    if (!attempt.lost.empty()) {
      DropLost(entries, attempt.lost);
      continue;
    }
    const Error& error = result.error();
    switch (DispositionOf(error.code)) {
      case Disposition::kHold:
        GoBack(entries, std::chrono::milliseconds(0), error.detail == store::kCommitInDoubt);
        if (error.detail == store::kCommitInDoubt) context_.observer.OnCommitInDoubt();
        context_.observer.OnDatabaseAway(error);
        return false;
      case Disposition::kOpenBreaker: return Misdeployed(session, entries, error);
      case Disposition::kRetryNow:
        context_.observer.OnConflict();
        context_.rows.Refused(attempt.work);
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

/// A table, column or right is missing: its handlers stop, and their events are parked at the next attempt. Where it is
/// one of the engine's, nothing goes on until it is there.
bool BatchRunner::Misdeployed(store::Session& session, Entries& entries, const Error& error) {
  const auto tripped = context_.breakers.Trip(session, error);
  const bool engine_stands = !tripped || !*tripped;
  GoBack(entries, engine_stands ? kMisdeployedPause : std::chrono::milliseconds(0), false);
  context_.database.Misdeployed(engine_stands);
  context_.observer.OnMisdeployed(error);
  return tripped || tripped.error().code != ErrorCode::kUnavailable;
}

/// The database found fault with these events: the one that is alone is judged, several are split.
bool BatchRunner::FailedAlone(store::Session& session, Entries entries, const Error& error) {
  if (entries.size() > 1) return Split(session, std::move(entries));
  Item& item = *entries.front().item;
  if (item.fate) {  // it cannot even be put away
    item.fate.reset();
    TryLater(item, entries.front().partition(), item.attempts, error);
    return true;
  }
  item.fate = decider_.FateOf(item, error, "store");
  if (item.fate) return Process(session, std::move(entries));
  TryLater(item, entries.front().partition(), item.attempts + 1, error);
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
  if (one_key && !Settled(*last_of_first)) {
    GoBack(second, std::chrono::milliseconds(0), false);
    return true;
  }
  return Process(session, std::move(second));
}

Result<> BatchRunner::Try(store::Session& session, Attempt& attempt) {
  return session.InTransaction([&](store::Transaction& transaction) -> Result<> {
    attempt = Attempt{std::move(attempt.entries), attempt.suspect, attempt.careful};
    for (auto& entry : attempt.entries) entry = Entry{entry.slice, entry.item};
    attempt.stopped = context_.breakers.Now();
    return InTransaction(transaction, attempt);
  });
}

Result<> BatchRunner::InTransaction(store::Transaction& transaction, Attempt& attempt) {
  for (auto& entry : attempt.entries) {
    entry.suspected = *entry.item->event && context_.duplicates.Suspects(*entry.item);
  }
  const handlers::RowKeys keys = NeedsOf(attempt);
  attempt.unread = MayGoUnread(attempt, keys);
  if (attempt.unread) {
    store::AssertLeases(transaction, context_.events_topic, EpochsOf(attempt));
  } else if (auto read = ReadRows(transaction, attempt, keys); !read) {
    return read;
  }
  decider_.Decide(attempt);
  return writer_.Write(transaction, attempt, context_.clock.Now());
}

/// Whether the database has nothing to say before the batch is decided: its events are new, as far as anybody can tell,
/// and its rows are known.
bool BatchRunner::MayGoUnread(Attempt& attempt, const handlers::RowKeys& keys) const {
  return !attempt.careful && attempt.stopped == 0 &&
         std::none_of(
             attempt.entries.begin(), attempt.entries.end(),
             [](const Entry& entry) { return entry.suspected || entry.slice->parked || !*entry.item->event; }) &&
         context_.rows.Supplies(keys, attempt.entries.size(), database_, context_.clock.Steady(), attempt.work);
}

/// What the batch has to know before it is decided, in one round trip for the usual one.
Result<> BatchRunner::ReadRows(store::Transaction& transaction, Attempt& attempt, const handlers::RowKeys& keys) {
  store::ShareLeases(transaction, context_.events_topic, EpochsOf(attempt), attempt.lost);
  if (auto locked = LockStrands(transaction, attempt); !locked) return locked;
  std::vector<store::KnownEvent> known;
  FindKnown(transaction, attempt, known);
  if (auto loaded = Load(transaction, keys, attempt.work); !loaded) return loaded;
  context_.rows.Looked(keys, attempt.entries.size(), attempt.work, attempt.careful);
  Decider::JudgeKnown(attempt.entries, known, context_.events_topic);
  return {};
}

/// Those that are there in spite of what was guessed end the transaction at its commit.
void BatchRunner::FindKnown(store::Transaction& transaction, const Attempt& attempt,
                            std::vector<store::KnownEvent>& known) {
  std::set<store::EventKeyView> asked;
  for (const auto& entry : attempt.entries) {
    if (*entry.item->event && (attempt.careful || entry.suspected)) asked.insert(KeyOf(**entry.item->event));
  }
  store::FindKnown(transaction, {asked.begin(), asked.end()}, known);
}

/// Until the commit nobody else touches what is parked of these keys: neither an operator nor a former owner.
Result<> BatchRunner::LockStrands(store::Transaction& transaction, Attempt& attempt) {
  std::map<store::Strand, const Slice*> parked;
  for (const auto& entry : attempt.entries) {
    if (entry.slice->parked) parked[{entry.partition(), std::string(entry.slice->lane->key)}] = entry.slice;
  }
  if (parked.empty()) return {};
  std::vector<store::Strand> strands;
  for (const auto& [strand, slice] : parked) strands.push_back(strand);
  const auto heads = store::LockStrands(transaction, context_.events_topic, strands);
  if (!heads) return Fail(heads.error());
  for (const auto& head : *heads) {
    attempt.heads.emplace(parked.at({head.strand.partition, head.strand.key}), head);
  }
  DropMoved(attempt);
  return {};
}

handlers::RowKeys BatchRunner::NeedsOf(const Attempt& attempt) const {
  handlers::RowKeys keys;
  for (const auto& entry : attempt.entries) {
    if (!*entry.item->event || entry.item->fate) continue;
    const handlers::Event& event = **entry.item->event;
    if (context_.breakers.Stops(attempt.stopped, event)) continue;
    for (const auto* handler : context_.handlers) {
      if (handler->Handles(event)) handler->Need(event, keys);
    }
  }
  return keys;
}

/// Before it is known which events are duplicates, so that all questions travel together.
Result<> BatchRunner::Load(store::Transaction& transaction, const handlers::RowKeys& keys, handlers::UnitOfWork& work) {
  std::vector<store::ObjectNeed> needs;
  for (const auto& [key, use] : keys.objects) needs.push_back({key, use.oldest, use.newest});
  auto rows = store::LoadObjects(transaction, needs);
  if (!rows) return Fail(rows.error());
  work.Load(*std::move(rows));
  return {};
}

/// After the commit.
void BatchRunner::Finish(Attempt& attempt, std::chrono::nanoseconds took) {
  context_.database.Misdeployed(false);
  context_.breakers.Opened(attempt.opened);
  context_.duplicates.Learn(attempt.entries, attempt.careful);
  context_.rows.Committed(attempt.work, attempt.entries.size(), attempt.version, attempt.unread, database_,
                          context_.clock.Steady());
  for (auto& entry : attempt.entries) {
    FinishOne(entry, took);
    FinishStrand(entry);
  }
  std::set<std::pair<std::int32_t, std::string>> freed;
  for (const auto& strand : attempt.freed) freed.emplace(strand.partition, strand.key);
  for (auto& entry : attempt.entries) {
    const bool nobody_waits = !attempt.heads.contains(entry.slice) ||
                              freed.contains({entry.partition(), std::string(entry.slice->lane->key)});
    if (nobody_waits) entry.slice->parked = false;
  }
  for (auto& entry : attempt.entries) {
    const bool stops = entry.decision == Decision::kPark || entry.decision == Decision::kDead;
    if (stops && entry.Blocks()) entry.slice->parked = true;
  }
  PostFollowUps(attempt);
}

void BatchRunner::FinishOne(Entry& entry, std::chrono::nanoseconds took) {
  Item& item = *entry.item;
  const auto partition = entry.partition();
  if (entry.decision == Decision::kRetry) return TryLater(item, partition, entry.attempts, entry.error);
  if (entry.decision == Decision::kDropped) {
    item.settlement = Settlement::kDropped;
    return;
  }
  if (entry.decision == Decision::kPark) {
    item.settlement = Settlement::kDone;
    item.attempts = entry.attempts;
    return context_.observer.OnParked(item, partition,
                                      {entry.behind, entry.strand, entry.attempts, entry.wait, entry.error});
  }
  if (entry.decision == Decision::kDead || entry.known_dead) {
    if (item.parked()) {
      item.settlement = Settlement::kDone;
      return;
    }
    item.settlement = Settlement::kAwaitingLetter;
    const auto letter = entry.letter  ? entry.letter->offset
                        : item.replay ? item.replay->source.offset
                                      : item.record->offset();
    return context_.letters.Await(partition, letter, item.record->offset());
  }
  if (entry.decision == Decision::kSettled) {
    item.settlement = Settlement::kDone;
    if (entry.outcome == EventOutcome::kApplied) context_.breakers.Settled(**item.event);
    context_.observer.OnSettled(item, partition, entry.outcome, entry.reason, took);
  }
}

/// How many events the strand has more in the database.
void BatchRunner::FinishStrand(const Entry& entry) {
  const bool stays = entry.decision == Decision::kPark || (entry.decision == Decision::kDead && entry.holds);
  if (stays && !entry.item->parked()) ++entry.slice->parked_more;
  const bool leaves = entry.decision == Decision::kSettled || (entry.decision == Decision::kDead && !entry.holds);
  if (leaves && entry.item->parked()) --entry.slice->parked_more;
}

/// Another try later, in memory: the lane waits.
void BatchRunner::TryLater(Item& item, std::int32_t partition, int attempts, const Error& error) {
  if (item.first_failed_at_ms == 0) item.first_failed_at_ms = UnixMs(context_.clock.Now());
  item.attempts = attempts;
  item.settlement = Settlement::kRetry;
  item.delay = retry_.InMemoryDelay(attempts);
  context_.observer.OnRetry(item, partition, error);
}

/// Letters are published after their commit, and what follows a parked event that left is due.
void BatchRunner::PostFollowUps(const Attempt& attempt) {
  std::set<std::int32_t> with_letters;
  std::set<std::int32_t> with_due;
  for (const auto& entry : attempt.entries) {
    if (entry.decision == Decision::kDead || entry.known_dead) with_letters.insert(entry.partition());
    const bool left = entry.item->parked() || entry.replays;
    if (left && entry.slice->parked && Settled(*entry.item)) with_due.insert(entry.partition());
  }
  if (!with_letters.empty()) {
    context_.dispatcher.Post(
        [&letters = context_.letters, partitions = std::vector(with_letters.begin(), with_letters.end())](
            store::Session& session) { return letters.Publish(session, partitions); });
  }
  if (!with_due.empty()) {
    context_.dispatcher.Post([&parked = context_.parked, partitions = std::vector(with_due.begin(), with_due.end())](
                                 store::Session& session) { return parked.Load(session, partitions); });
  }
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
    const bool written = entry.inbox != Entry::InboxWrite::kNone;  // what was settled before stays redelivered
    entry.item->in_doubt = entry.item->in_doubt || (in_doubt && written);
  }
}

void BatchRunner::Jitter() {
  std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution<int>(0, 5000)(random_)));
}

}  // namespace keystrand::worker::engine
