#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/store/dead_letters.h"
#include "worker/store/session.h"

namespace keystrand::worker::store {

/// Why a strand does not flow: the `reason` of keystrand.strands.
enum class StrandReason : std::uint8_t {
  kRetry,     ///< its head failed and is tried again later
  kHold,      ///< its head is dead and may not be passed: a replay or a discard goes on
  kBreaker,   ///< its head's handler is stopped
  kOperator,  ///< somebody stopped it
};

std::string_view NameOf(StrandReason reason);

/// A strand that does not flow.
struct Strand {
  std::int32_t partition = 0;
  std::string key;
  StrandReason reason = StrandReason::kRetry;
  auto operator<=>(const Strand&) const = default;
};

/// A row of keystrand.parked_events: an event that waits outside of Kafka, in the order of its offsets.
struct ParkedEvent {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string key;  ///< the record's, byte for byte: keys of events that can be parked are printable
  std::string scope;
  std::string event_id;
  std::vector<HeaderText> headers;
  std::string payload;
  bool held = false;                              ///< dead, and the strand waits for its replay or discard
  int attempts = 0;                               ///< that counted so far, those in memory included
  std::optional<std::chrono::milliseconds> wait;  ///< until the next attempt; empty: not before what is in front of it
  std::string last_error;                         ///< code and detail
  std::int64_t record_timestamp_ms = -1;
};

/// Strands of these partitions that do not flow.
Result<std::vector<Strand>> FindStrands(Transaction& transaction, const std::string& topic,
                                        const std::vector<std::int32_t>& partitions);

/// A head as it is now, its strand locked until the commit.
struct LockedHead {
  Strand strand;
  std::int64_t offset = -1;  ///< of the first parked event; -1: none
  int attempts = 0;
  bool held = false;
};

/// Locks the rows of those of `strands` that exist, in the given order (sorted, as all who lock several do), and says
/// what is in front of each.
Result<std::vector<LockedHead>> LockStrands(Transaction& transaction, const std::string& topic,
                                            const std::vector<Strand>& strands);

/// Parks the strands, or changes the reason of those that are parked.
Result<> SaveStrands(Transaction& transaction, const std::string& topic, const std::vector<Strand>& strands);

/// Adds events to the end of their strands. One that is there already stays as it is: it is our own earlier work.
Result<> AppendParked(Transaction& transaction, const std::string& topic, const std::vector<ParkedEvent>& events);

/// Writes attempts, wait, state and error of parked events.
Result<> UpdateParked(Transaction& transaction, const std::string& topic, const std::vector<ParkedEvent>& events);

Result<> RemoveParked(Transaction& transaction, const std::string& topic, const std::vector<SourcePosition>& positions);

/// What is left of strands whose head was removed: the next event becomes due at once, and a strand without events
/// flows again. Returns the strands that flow. Call with the strands locked.
Result<std::vector<Strand>> AdvanceStrands(Transaction& transaction, const std::string& topic,
                                           const std::vector<Strand>& strands);

/// Heads of these partitions that are due by the database's clock, each with those that follow it, in order:
/// at most `strands_max` strands and `events_max` events of each.
Result<std::vector<ParkedEvent>> FindDue(Transaction& transaction, const std::string& topic,
                                         const std::vector<std::int32_t>& partitions, int strands_max, int events_max);

/// How many events are parked, by partition.
Result<std::vector<std::pair<std::int32_t, std::int64_t>>> CountParked(Transaction& transaction,
                                                                       const std::string& topic,
                                                                       const std::vector<std::int32_t>& partitions);

}  // namespace keystrand::worker::store
