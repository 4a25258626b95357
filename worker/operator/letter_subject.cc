#include "worker/operator/letter_subject.h"

#include <utility>

#include "worker/operator/event_report.h"

namespace keystrand::worker::op {
namespace {

template <typename Letter>
std::string Subject(const Letter& letter) {
  JsonWriter json;
  json.BeginObject()
      .Field("event_id", letter.event_id.empty() ? PositionText(letter.source) : letter.event_id)
      .TextOrNull("scope", letter.scope)
      .Field("topic", letter.source.topic)
      .Field("partition", letter.source.partition)
      .Field("offset", letter.source.offset)
      .Field("cycle", letter.cycle)
      .EndObject();
  return std::move(json).Take();
}

}  // namespace

std::string LetterSubject(const store::LetterSummary& letter) { return Subject(letter); }
std::string LetterSubject(const store::LockedLetter& letter) { return Subject(letter); }

void AddIdentity(JsonWriter& json, const store::LetterSummary& letter) {
  json.Field("id", PositionText(letter.source))
      .Field("topic", letter.source.topic)
      .Field("partition", letter.source.partition)
      .Field("offset", letter.source.offset)
      .Field("cycle", letter.cycle)
      .Field("status", letter.status)
      .TextOrNull("scope", letter.scope)
      .TextOrNull("event_id", letter.event_id)
      .TextOrNull("event_type", letter.event_type)
      .Field("ordering_key", letter.ordering_key);
}

}  // namespace keystrand::worker::op
