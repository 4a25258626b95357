#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "worker/store/session.h"

/// What the database knows of the whole system's state, for people and gauges. All times are Unix ms.
namespace keystrand::worker::store {

/// A row of keystrand.partition_leases.
struct LeaseState {
  std::int32_t partition = 0;
  std::int64_t epoch = 0;
  std::optional<std::int64_t> next_offset;
  std::string owner;
  std::int64_t acquired_at_ms = 0;
  std::optional<std::int64_t> released_at_ms;  ///< empty: held, or its owner ended uncleanly
  int suspects = 0;
};

struct OpenLetters {
  std::string error_code;
  std::int64_t letters = 0;
  std::int64_t oldest_failed_at_ms = 0;
  std::string oldest;  ///< its position, "topic/partition/offset"
};

struct StrandCount {
  std::string state;   ///< parked, held
  std::string reason;  ///< retry, hold, breaker, operator
  std::int64_t strands = 0;
  std::int64_t oldest_since_ms = 0;
};

struct Overview {
  std::vector<LeaseState> leases;         ///< of one topic, by partition
  std::vector<OpenLetters> open_letters;  ///< by error code
  std::int64_t letters_replaying = 0;
  std::int64_t letters_unpublished = 0;  ///< not known to be in the dead-letters topic yet
  std::vector<StrandCount> strands;
  std::int64_t parked_events = 0;  ///< of all strands, held heads included
  std::vector<std::string> open_breakers;
};

/// `events_topic`: whose leases. Cheap at any size of the inbox.
Result<Overview> ReadOverview(Transaction& transaction, const std::string& events_topic);

/// When the last event was settled; empty: none in the last day. Reads the index of what was settled since, and at a
/// high rate may take seconds after a long pause: a transaction of its own, whose timeout loses nothing else.
Result<std::optional<std::int64_t>> ReadLastSettledMs(Transaction& transaction);

}  // namespace keystrand::worker::store
