#include "worker/engine/decider.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

namespace keystrand::worker::engine {
namespace {

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

/// What a row of our own that landed says the event's outcome was.
EventOutcome OutcomeOf(store::InboxStatus status) {
  if (status == store::InboxStatus::kStale) return EventOutcome::kStale;
  if (status == store::InboxStatus::kIgnored) return EventOutcome::kIgnored;
  if (status == store::InboxStatus::kParked) return EventOutcome::kParked;
  return EventOutcome::kApplied;
}

store::InboxStatus StatusOf(EventOutcome outcome) {
  if (outcome == EventOutcome::kStale) return store::InboxStatus::kStale;
  if (outcome == EventOutcome::kIgnored) return store::InboxStatus::kIgnored;
  return store::InboxStatus::kApplied;
}

Entry::InboxWrite WriteOf(const Entry& entry) {
  return entry.waits_in_inbox ? Entry::InboxWrite::kUpdate : Entry::InboxWrite::kInsert;
}

void Settle(Entry& entry, EventOutcome outcome, std::string reason) {
  entry.decision = Decision::kSettled;
  entry.outcome = outcome;
  entry.status = StatusOf(outcome);
  entry.reason = std::move(reason);
  entry.inbox = WriteOf(entry);
}

void JudgeRow(Entry& entry, const store::KnownEvent& row, const std::string& topic) {
  const Item& item = *entry.item;
  entry.known = true;
  const bool own_record = row.source == entry.Position(topic);
  const bool own_replay = item.replay && !row.replay_id.empty() && row.replay_id == item.replay->id;
  entry.waits_in_inbox = (own_record && item.parked() && row.status == store::InboxStatus::kParked) ||
                         (own_replay && row.status == store::InboxStatus::kReplaying);
  entry.replays = entry.waits_in_inbox && own_replay;
  if (entry.waits_in_inbox) return;
  entry.decision = Decision::kSettled;
  if (!own_record && !own_replay) {
    entry.outcome = EventOutcome::kDuplicate;
    return;
  }
  entry.known_dead = row.status == store::InboxStatus::kDead;
  entry.outcome = item.in_doubt ? OutcomeOf(row.status) : EventOutcome::kRedelivered;
}

/// Whether a live event goes behind what its strand has parked. The replay of a held head is that head.
bool GoesBehind(const Entry& entry, const Heads& heads) {
  const auto found = heads.find(entry.slice);
  if (found == heads.end() || entry.item->parked()) return false;
  const store::LockedHead& head = found->second;
  return !(entry.replays && head.held && head.offset == entry.item->replay->source.offset);
}

}  // namespace

store::EventKeyView KeyOf(const handlers::Event& event) { return {event.envelope.scope, event.envelope.id}; }

void Decider::JudgeKnown(Entries& entries, const std::vector<store::KnownEvent>& known, const std::string& topic) {
  if (known.empty()) return;
  std::map<store::EventKeyView, const store::KnownEvent*> rows;
  for (const auto& event : known) rows.emplace(ViewOf(event.key), &event);
  for (auto& entry : entries) {
    if (entry.decision != Decision::kNone || !*entry.item->event) continue;
    const auto row = rows.find(KeyOf(**entry.item->event));
    if (row != rows.end()) JudgeRow(entry, *row->second, topic);
  }
}

void Decider::Decide(Attempt& attempt) const {
  Entries& entries = attempt.entries;
  std::map<store::EventKeyView, std::size_t> first;
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
        const Decision of_copy = entries[copy->second].decision;
        const bool settled = of_copy == Decision::kSettled || of_copy == Decision::kDead || of_copy == Decision::kPark;
        entry.decision = settled ? Decision::kSettled : Decision::kBack;
        entry.outcome = EventOutcome::kDuplicate;
      }
    }
    if (entry.decision == Decision::kNone) DecideOne(entry, attempt);
    if (entry.Blocks()) blocked = entry.slice;
  }
}

void Decider::DecideOne(Entry& entry, Attempt& attempt) const {
  const auto& event = *entry.item->event;
  if (!event) {
    const bool crashed = event.error().code == ErrorCode::kCrashed;
    return Kill(entry, {Fate::Kind::kDead, event.error(), crashed ? "crash" : "parse", entry.item->attempts + 1});
  }
  if (entry.item->fate) return Meet(entry, *entry.item->fate);
  if (WrongMode(*event)) return Settle(entry, EventOutcome::kIgnored, "wrong_mode");
  if (GoesBehind(entry, attempt.heads)) {
    entry.decision = Decision::kPark;
    entry.behind = true;
    entry.attempts = entry.item->attempts;
    entry.status = store::InboxStatus::kParked;
    if (!entry.replays) entry.inbox = Entry::InboxWrite::kInsert;
    return;
  }
  if (breakers_.Stops(attempt.stopped, *event)) return WaitForBreaker(entry);
  Apply(entry, attempt.work);
}

/// As the head of its strand, with no attempt counted.
void Decider::WaitForBreaker(Entry& entry) {
  entry.decision = Decision::kPark;
  entry.attempts = entry.item->attempts;
  entry.strand = store::StrandReason::kBreaker;
  entry.status = store::InboxStatus::kParked;
  if (!entry.waits_in_inbox) entry.inbox = Entry::InboxWrite::kInsert;
}

void Decider::Apply(Entry& entry, handlers::UnitOfWork& work) const {
  const handlers::Event& event = **entry.item->event;
  auto verdict = handlers::Verdict::kIgnored;
  std::string reason;
  entry.attempts = entry.item->attempts + 1;
  for (const auto* handler : handlers_) {
    if (!handler->Handles(event)) continue;
    auto outcome = handler->Apply(event, work);
    if (!outcome) {
      work.Undo();
      entry.error = outcome.error();
      if (auto fate = FateOf(*entry.item, outcome.error(), "handle")) {
        fate->blamed = handler;
        return Meet(entry, *fate);
      }
      entry.decision = Decision::kRetry;
      return;
    }
    verdict = std::max(verdict, outcome->verdict);
    if (reason.empty()) reason = std::move(outcome->reason);
  }
  work.Keep();
  Settle(entry, OutcomeOf(verdict), verdict == handlers::Verdict::kIgnored ? std::move(reason) : std::string());
}

std::unique_ptr<Fate> Decider::FateOf(const Item& item, const Error& error, std::string stage) const {
  const int attempts = item.attempts + 1;
  const bool hopeless = DispositionOf(error.code) == Disposition::kDeadLetter;
  if (!hopeless && !item.parked() && retry_.MayWaitInMemory(attempts)) return nullptr;
  // An operator waits for what a replay comes to.
  const bool parks = !hopeless && retry_.MayPark(attempts) && !item.replay;
  return std::make_unique<Fate>(Fate{parks ? Fate::Kind::kPark : Fate::Kind::kDead, error, std::move(stage), attempts});
}

void Decider::Meet(Entry& entry, const Fate& fate) const {
  fate.kind == Fate::Kind::kDead ? Kill(entry, fate) : Park(entry, fate);
}

void Decider::Kill(Entry& entry, const Fate& fate) const {
  entry.decision = Decision::kDead;
  entry.stage = fate.stage;
  entry.blamed = fate.blamed;
  entry.error = fate.error;
  entry.attempts = fate.attempts;
  entry.status = store::InboxStatus::kDead;
  const auto& event = *entry.item->event;
  if (!event) return;
  entry.inbox = WriteOf(entry);
  entry.holds = std::any_of(handlers_.begin(), handlers_.end(), [&](const auto* handler) {
    return handler->WhenDead() == handlers::Handler::AfterDeath::kHold && handler->Handles(*event);
  });
}

void Decider::Park(Entry& entry, const Fate& fate) const {
  entry.decision = Decision::kPark;
  entry.error = fate.error;
  entry.attempts = fate.attempts;
  entry.wait = retry_.ParkedDelay(fate.attempts);
  entry.strand = store::StrandReason::kRetry;
  entry.status = store::InboxStatus::kParked;
  if (!entry.waits_in_inbox) entry.inbox = Entry::InboxWrite::kInsert;
}

}  // namespace keystrand::worker::engine
