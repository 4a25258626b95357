#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "worker/store/dead_letters.h"
#include "worker/store/event_history.h"

/// Making rows of keystrand.dead_letters from records of the dead-letters topic, for those that are missing.
namespace keystrand::worker::store {

/// Those of `letters` that have no row.
Result<std::vector<SourcePosition>> FindMissingLetters(Transaction& transaction,
                                                       const std::vector<SourcePosition>& letters);

/// How a letter stands, as the rest of the database tells.
struct LetterVerdict {
  std::string status;     ///< open, replaying, resolved, discarded
  std::string replay_id;  ///< empty: none
};

/// By the event's row in the inbox; of an event that has none (a body that could not be read never has), by what
/// operators did to the letter last: a replay that the letter has not died of since is still under way. Else open.
Result<LetterVerdict> JudgeLetter(Transaction& transaction, const DeadLetter& letter);

/// Inserts a published letter with its verdict. Returns whether there was none: an existing row stays as it is.
Result<bool> InsertRebuiltLetter(Transaction& transaction, const DeadLetter& letter, const LetterVerdict& verdict,
                                 std::int64_t published_at_ms);

/// Inserts an earlier death of a letter that has a row; one that is there already stays.
Result<> InsertLetterAttempt(Transaction& transaction, const SourcePosition& letter, const LetterAttempt& attempt);

}  // namespace keystrand::worker::store
