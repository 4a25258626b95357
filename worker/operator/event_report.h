#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/kafka/record_reader.h"
#include "worker/store/event_history.h"

namespace keystrand::worker::op {

/// The record at a source position, but for its body.
struct RecordFacts {
  store::SourcePosition source;
  std::string problem;  ///< why there is nothing more; empty: the fields below hold
  std::int64_t timestamp_ms = -1;
  std::string key;
  std::int64_t body_bytes = 0;
  bool digest_matches = false;               ///< the body against body-sha256
  std::vector<kafka::StoredHeader> headers;  ///< those that schemas/records knows; any other could hold anything
};

/// `event_id`: whose record should lie there; empty: one without an id. Says so if another one does.
RecordFacts FactsOf(const store::SourcePosition& source, const std::string& event_id,
                    const std::optional<kafka::StoredRecord>& record);

/// All that is known of one event, in every scope asked for.
struct EventReport {
  std::string asked;     ///< the id or position that the operator gave
  std::string event_id;  ///< empty: its body could not be read
  store::EventHistory history;
  std::vector<RecordFacts> records;  ///< one for each position in the history

  [[nodiscard]] const RecordFacts* RecordAt(const store::SourcePosition& source) const;
};

/// Each position in the history once, in order.
std::vector<store::SourcePosition> PositionsOf(const store::EventHistory& history);

/// One thing that happened.
struct Moment {
  std::int64_t at_ms = 0;
  std::string what;
};

/// All that happened, oldest first. Pure.
std::vector<Moment> TimeLine(const EventReport& report);

std::string EventText(const EventReport& report);
std::string EventJson(const EventReport& report);

/// Whether this is the record of `event_id` (empty: of a body without an id).
bool IsOf(const kafka::StoredRecord& record, const std::string& event_id);

/// A position as PositionText writes it; nothing if it is none. Event ids have no slash.
std::optional<store::SourcePosition> ParsePosition(std::string_view text);

/// Whether a record's header is one of ours (schemas/records); any other could hold anything.
bool IsKnownHeader(std::string_view name);

/// "keystrand.events/3/17"
std::string PositionText(const store::SourcePosition& source);

}  // namespace keystrand::worker::op
