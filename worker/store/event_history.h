#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "worker/store/inbox.h"
#include "worker/store/session.h"

/// Everything the database holds about one event id, but for payloads. All times are Unix ms; texts are empty where the
/// database has none.
namespace keystrand::worker::store {

/// The object that an event is about, as the mirror shows it now.
struct MirroredObject {
  std::string object;
  std::string id;
  std::string event_id;  ///< the event it shows
  std::string event_type;
  std::int64_t event_created_ms = 0;
  bool terminal = false;
  bool deleted = false;
};

/// A row of keystrand.inbox.
struct SettledEvent {
  EventKey key;
  std::string event_type;
  std::string ordering_key;
  std::string object_type;
  std::string object_id;
  std::string api_version;
  std::int64_t created_at_ms = 0;
  std::int64_t received_at_ms = 0;
  SourcePosition source;
  std::string replay_id;
  std::string status;
  std::string reason;
  int attempts = 0;
  std::string error_code;
  std::int64_t settled_at_ms = 0;
  std::optional<MirroredObject> object;
};

/// One time that a letter died.
struct LetterAttempt {
  int cycle = 0;
  std::string stage;
  std::string error_code;
  std::string error_message;
  int attempts = 0;
  std::int64_t failed_at_ms = 0;
  std::string worker;
};

/// A row of keystrand.dead_letters with its dead_letter_attempts.
struct LetterState {
  SourcePosition source;
  std::string scope;
  std::string event_id;  ///< empty: the body could not be read
  std::string event_type;
  std::string ordering_key;
  std::string status;
  std::string replay_id;
  std::string fingerprint;
  std::int64_t first_failed_at_ms = 0;
  std::optional<std::int64_t> published_at_ms;
  LetterAttempt last;                  ///< the letter's own row
  std::vector<LetterAttempt> earlier;  ///< by cycle, those before `last`
};

/// A row of keystrand.parked_events with its strand.
struct ParkedEvent {
  SourcePosition source;
  std::string scope;
  std::string ordering_key;
  std::string status;
  int attempts = 0;
  std::optional<std::int64_t> next_attempt_at_ms;
  std::string last_error;
  std::string strand_state;
  std::string strand_reason;
  std::optional<std::int64_t> strand_since_ms;
};

/// A row of keystrand.operator_actions.
struct PastAction {
  std::int64_t acted_at_ms = 0;
  std::string actor;
  std::string action;
  std::string reason;
  std::string replay_id;
};

struct EventHistory {
  std::vector<SettledEvent> settled;  ///< one per scope
  std::vector<LetterState> letters;
  std::vector<ParkedEvent> parked;
  std::vector<PastAction> actions;  ///< oldest first
  [[nodiscard]] bool empty() const { return settled.empty() && letters.empty() && parked.empty(); }
};

/// Which event: by id, and in the dead letters and parked events by position too (a body that could not be read has no
/// id). Operators' actions are found by `id`.
struct EventQuery {
  std::string id;
  std::optional<SourcePosition> source;
};

Result<EventHistory> ReadEventHistory(Transaction& transaction, const EventQuery& query);

/// The body of a dead or parked record. Empty: the database has none for this position.
Result<std::optional<std::string>> FindPayload(Transaction& transaction, const SourcePosition& source);

}  // namespace keystrand::worker::store
