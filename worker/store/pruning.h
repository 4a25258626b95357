#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "worker/store/inbox.h"
#include "worker/store/session.h"

/// Deleting what nobody needs any more, in small transactions. Never touched: events that are dead, parked or
/// replaying, letters that are open or replaying, outbox rows not delivered, and facts. An inbox row must outlive its
/// record in every topic that could bring it back (worker/upkeep/retention.h judges that); after that its event could
/// not come again.
namespace keystrand::worker::store {

/// How many rows of each kind.
struct PruneCounts {
  std::int64_t events = 0;   ///< keystrand.inbox: applied, stale, ignored, discarded
  std::int64_t letters = 0;  ///< keystrand.dead_letters: resolved, discarded
  std::int64_t effects = 0;  ///< keystrand.outbox: delivered
};

/// How many are older than `age`, by the database's clock.
Result<PruneCounts> CountPrunable(Transaction& transaction, std::chrono::seconds age);

/// Deletes what is older than `age`, at most `chunk` rows a transaction. `session`: connected; between two chunks
/// others get their turn, and it ends where `stopping` (may be empty) says so. `done` counts what was deleted, also
/// when it fails midway.
Result<> Prune(Session& session, std::chrono::seconds age, int chunk, PruneCounts& done,
               const std::function<bool()>& stopping = {});

/// Of all that prune by themselves one at a time: false while another connection has the turn. Kept until `session`
/// disconnects.
Result<bool> TakePruneTurn(Session& session);

}  // namespace keystrand::worker::store
