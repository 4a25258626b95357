#pragma once

#include <string>
#include <vector>

#include "worker/store/inbox.h"
#include "worker/store/session.h"

/// What operators do to dead letters. The rows of one call are locked in the order of their keys: strands, letters,
/// inbox. Two operators at once wait for each other, and the second one sees what the first one did.
namespace keystrand::worker::store {

/// A letter whose row, and that of its event in the inbox, nobody else changes before this transaction ends.
struct LockedLetter {
  SourcePosition source;
  int cycle = 0;
  std::string scope;     ///< with event_id: empty if the body could not be read
  std::string event_id;  ///< likewise
  std::string status;
  std::string replay_id;     ///< empty: it was never replayed
  std::string inbox_status;  ///< empty: the inbox has no row of the event
};

/// Those of `letters` that exist, by position.
Result<std::vector<LockedLetter>> LockLetters(Transaction& transaction, const std::vector<SourcePosition>& letters);

/// Sets letters and inbox rows to replaying, each letter under a fresh replay id, which is set in `letters`.
Result<> MarkReplaying(Transaction& transaction, std::vector<LockedLetter>& letters);

/// Locks the strands that events at these positions are parked in. Call it before LockLetters.
Result<> LockStrandsOf(Transaction& transaction, const std::vector<SourcePosition>& letters);

/// Sets letters and inbox rows to discarded and takes the events out of the parked ones. A strand whose held head goes
/// continues with the next event, which is due at once; one without another event flows again.
Result<> MarkDiscarded(Transaction& transaction, const std::vector<LockedLetter>& letters);

}  // namespace keystrand::worker::store
