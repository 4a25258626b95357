#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/core/result.h"
#include "worker/engine/source_record.h"
#include "worker/handlers/event.h"
#include "worker/handlers/handler.h"
#include "worker/store/inbox.h"

namespace keystrand::worker::engine {

/// What became of an item in its batch.
enum class Settlement : std::uint8_t {
  kBack,            ///< not decided: it and what follows in its lane go back to the lane's front
  kRetry,           ///< failed, and the attempt counts: likewise
  kDone,            ///< committed: its offset is complete
  kAwaitingLetter,  ///< its dead letter is committed; the offset follows when the letter is published
  kDropped,         ///< the partition is not ours any more, or somebody else settled a parked event
};

/// What an attempt that failed alone comes to, at the next attempt: so that it is written with all that belongs to it.
struct Fate {
  enum class Kind : std::uint8_t { kDead, kPark };
  Kind kind = Kind::kDead;
  Error error;
  std::string stage;                          ///< of kDead: where it failed
  int attempts = 1;                           ///< that counted, this one included
  const handlers::Handler* blamed = nullptr;  ///< null: the database
};

/// That a record is the replay of a dead letter.
struct Replay {
  std::string id;
  store::SourcePosition source;  ///< where the letter's record lay the first time
};

/// One event on its way through a lane. Owned by the lane, or by the executor that took it. Many wait and are moved, so
/// what only some have, or have only when their turn comes, lies elsewhere.
struct Item {
  std::unique_ptr<SourceRecord> record;
  std::unique_ptr<Result<handlers::Event>> event;  ///< read once, at its first attempt; null until then
  std::unique_ptr<Replay> replay;                  ///< set with `event`
  std::unique_ptr<Fate> fate;
  std::uint64_t arrival = 0;            ///< of all that were offered, the how manieth
  std::int64_t first_failed_at_ms = 0;  ///< Unix ms of the first of its attempts that failed; 0: none yet
  int attempts = 0;                     ///< that failed and count
  bool in_doubt = false;                ///< a commit of ours may have landed: a known id is our own work
  bool replayed = false;                ///< it says that it is a replay; set with `event`
  bool trace_unreadable = false;        ///< it has a trace context, which is none; likewise
  Settlement settlement = Settlement::kBack;
  std::chrono::milliseconds delay{0};  ///< of kRetry and kBack: the lane waits that long

  [[nodiscard]] std::size_t bytes() const { return record->value().size() + record->key().size(); }
  [[nodiscard]] bool parked() const { return record->origin() == Origin::kParked; }
};

struct Partition;
struct Lane;

/// What one executor took of one lane: a run of events of one key, in order.
struct Slice {
  std::shared_ptr<Partition> partition;
  Lane* lane = nullptr;
  std::vector<Item> items;
  bool parked = false;           ///< the strand does not flow: live events go behind the parked ones
  std::int64_t parked_more = 0;  ///< events that this batch parked, less those that it took out
};

struct Batch {
  std::vector<Slice> slices;
  std::chrono::steady_clock::time_point taken_at;
  std::chrono::nanoseconds waited{0};  ///< for an executor and its connection: the lane that waited longest
  bool suspect = false;                ///< one event, which may be what the last owner of its partition died of
};

}  // namespace keystrand::worker::engine
