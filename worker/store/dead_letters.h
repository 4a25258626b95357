#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "worker/store/inbox.h"
#include "worker/store/session.h"

namespace keystrand::worker::store {

/// One header of a record, as text.
struct HeaderText {
  std::string name;
  std::string value;
};

/// A row of keystrand.dead_letters. Times are Unix ms.
struct DeadLetter {
  SourcePosition source;  ///< where the record lay the first time
  int cycle = 0;
  std::string scope;  ///< with event_id and event_type: empty if the body could not be read
  std::string event_id;
  std::string event_type;
  std::string key;  ///< the record's, byte for byte
  std::vector<HeaderText> headers;
  std::string payload;  ///< the body, byte for byte
  std::int64_t record_timestamp_ms = -1;
  std::string stage;
  std::string error_code;
  std::string error_message;
  std::string fingerprint;
  int attempts = 1;
  std::int64_t first_failed_at_ms = 0;
  std::int64_t failed_at_ms = 0;
  std::string worker;
};

/// Inserts a letter, not yet published, and its history. A letter of the same position stays as it is: it is our own
/// earlier work.
Result<> InsertDeadLetter(Transaction& transaction, const DeadLetter& letter);

/// What the replay of a letter finds.
enum class ReplayedLetter : std::uint8_t {
  kReopened,     ///< it was being replayed, and is open again
  kEarlierWork,  ///< this replay was concluded before
  kUnknown,      ///< no such letter, or no such replay of it
};

/// The replay `replay_id` of the letter at `letter.source` has failed: open again with the next cycle and the error of
/// `letter`, not yet published; key, headers and bytes stay those of the first time.
Result<ReplayedLetter> ReopenDeadLetter(Transaction& transaction, const DeadLetter& letter,
                                        const std::string& replay_id);

/// The replay has succeeded.
Result<> ResolveDeadLetter(Transaction& transaction, const SourcePosition& source, const std::string& replay_id);

/// Letters of these partitions whose record is not known to be in the dead-letters topic, oldest first.
Result<std::vector<DeadLetter>> FindUnpublished(Transaction& transaction, const std::string& topic,
                                                const std::vector<std::int32_t>& partitions, int limit);

/// Those of `letters` that are published.
Result<std::vector<SourcePosition>> FindPublished(Transaction& transaction, const std::vector<SourcePosition>& letters);

Result<> MarkPublished(Transaction& transaction, const std::vector<SourcePosition>& letters);

}  // namespace keystrand::worker::store
