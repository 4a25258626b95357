#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "worker/engine/item.h"
#include "worker/engine/observer.h"
#include "worker/handlers/handler.h"
#include "worker/handlers/unit_of_work.h"
#include "worker/store/inbox.h"
#include "worker/store/parking.h"

namespace keystrand::worker::engine {

enum class Decision : std::uint8_t {
  kNone,
  kSettled,  ///< with `outcome`
  kDead,
  kPark,   ///< it waits in the database, as its strand's head or behind it
  kRetry,  ///< it waits in memory
  kBack,   ///< what is in front of it was not settled
  kDropped,
};

/// One item during one attempt at its batch: what is decided in memory before anything is written.
struct Entry {
  Slice* slice;
  Item* item;
  Decision decision = Decision::kNone;
  EventOutcome outcome = EventOutcome::kApplied;  ///< of kSettled
  enum class InboxWrite : std::uint8_t { kNone, kInsert, kUpdate };
  InboxWrite inbox = InboxWrite::kNone;
  store::InboxStatus status = store::InboxStatus::kApplied;
  bool suspected = false;       ///< of being known to the inbox
  bool known = false;           ///< it is
  bool waits_in_inbox = false;  ///< its row there is its own: parked, or being replayed
  bool replays = false;         ///< it is the replay that its dead letter waits for
  bool known_dead = false;      ///< settled before, as a dead letter: its offset waits for the publication
  bool holds = false;           ///< of kDead: its strand may not pass it
  bool behind = false;          ///< of kPark: not the head
  std::string reason{};
  std::string stage{};                            ///< of kDead
  std::optional<store::SourcePosition> letter{};  ///< of kDead, once written: where the record lay the first time
  Error error{ErrorCode::kInternal, ""};
  const handlers::Handler* blamed = nullptr;                 ///< of kDead: who failed it; null: the database did
  int attempts = 1;                                          ///< at this event, this one included
  std::optional<std::chrono::milliseconds> wait{};           ///< of a head that is parked: until its next try
  store::StrandReason strand = store::StrandReason::kRetry;  ///< of a head that is parked

  [[nodiscard]] std::int32_t partition() const;
  /// Whether what follows in its lane must wait for it.
  [[nodiscard]] bool Blocks() const;
  [[nodiscard]] store::SourcePosition Position(const std::string& topic) const;
};

using Entries = std::vector<Entry>;

/// The parked strands of a batch, locked until its commit.
using Heads = std::map<const Slice*, store::LockedHead>;

/// What one attempt works on and ends with.
struct Attempt {
  Entries entries;
  bool suspect = false;   ///< its only event was counted as tried: to be forgotten when it settles
  bool careful = true;    ///< all events are looked up in the inbox, not only those that are suspected of being there
  bool unread = false;    ///< no row was looked at: each is written on the condition that it is what it is taken for
  std::string version{};  ///< of the rows that it wrote, where that is known
  Heads heads{};
  std::uint32_t opened = 0;            ///< those whose last token its letters have cost
  std::uint32_t stopped = 0;           ///< handlers, as Breakers counts them
  std::vector<std::int32_t> lost{};    ///< partitions that another worker has taken over
  std::vector<store::Strand> freed{};  ///< strands that flow again
  handlers::UnitOfWork work{};         ///< the rows: loaded, and as the events leave them
};

}  // namespace keystrand::worker::engine
