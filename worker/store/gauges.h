#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "worker/store/session.h"

namespace keystrand::worker::store {

/// How many of something there are, and since when the oldest: Unix ms, 0 where there is none.
struct Waiting {
  std::string kind;  ///< error code or reason
  std::int64_t count = 0;
  std::int64_t oldest_ms = 0;
};

/// What the database knows of the whole system, for gauges.
struct Gauges {
  std::int64_t now_ms = 0;            ///< the database's clock
  std::vector<Waiting> open_letters;  ///< by error code; only those that there are
  std::vector<Waiting> parked;        ///< events by the reason of their strand, likewise
  std::int64_t strands_held = 0;
  std::int64_t letters_replayed = 0;   ///< by operators, ever
  std::int64_t letters_discarded = 0;  ///< likewise
};

/// Reads what is open, which is little; never the inbox.
Result<Gauges> ReadGauges(Transaction& transaction);

}  // namespace keystrand::worker::store
