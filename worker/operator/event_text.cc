#include <algorithm>

#include "worker/operator/event_report.h"
#include "worker/operator/json.h"
#include "worker/operator/text.h"

namespace keystrand::worker::op {
namespace {

using Align = Table::Align;

std::string ObjectText(const store::SettledEvent& event) {
  if (event.object_type.empty()) return "none";
  const std::string name = event.object_type + (event.object_id.empty() ? "" : " " + event.object_id);
  if (!event.object) return name + ": not in the mirror";
  const auto& object = *event.object;
  const std::string state = object.deleted ? " (deleted)" : object.terminal ? " (final)" : "";
  if (object.event_id == event.key.event_id) return name + ": the mirror shows this event" + state;
  return name + ": the mirror shows " + object.event_id + ", " + object.event_type + ", created " +
         ForPeople(object.event_created_ms) + state;
}

std::string RecordText(const EventReport& report, const store::SourcePosition& source) {
  std::string where = PositionText(source);
  const auto* record = report.RecordAt(source);
  if (record == nullptr) return where;
  if (!record->problem.empty()) return where + ": " + record->problem;
  return where + ", " + Grouped(record->body_bytes) + " bytes, " +
         (record->digest_matches ? "as they were signed (SHA-256)" : "WHICH DO NOT MATCH body-sha256");
}

std::string SettledText(const EventReport& report, const store::SettledEvent& event) {
  return Block(event.key.event_id + " " + event.event_type + ": " + event.status,
               {{"scope", event.key.scope},
                {"key", event.ordering_key},
                {"reason", event.reason},
                {"error", event.error_code},
                {"object", ObjectText(event)},
                {"API version", event.api_version},
                {"record", RecordText(report, event.source)},
                {"replay", event.replay_id}});
}

std::string LetterText(const EventReport& report, const store::LetterState& letter) {
  return Block(
      "Dead letter " + PositionText(letter.source) + "/" + std::to_string(letter.last.cycle) + ": " + letter.status,
      {{"scope", letter.scope},
       {"key", letter.ordering_key},
       {"error", letter.last.error_code + " in stage " + letter.last.stage},
       {"message", letter.last.error_message},
       {"attempts", std::to_string(letter.last.attempts)},
       {"fingerprint", letter.fingerprint},
       {"record", RecordText(report, letter.source)},
       {"in its topic", letter.published_at_ms ? "yes" : "not yet"},
       {"replay", letter.replay_id}});
}

std::string ParkedText(const EventReport& report, const store::ParkedEvent& parked) {
  return Block("Parked: " + parked.status,
               {{"scope", parked.scope},
                {"key", parked.ordering_key},
                {"strand", parked.strand_state + (parked.strand_reason.empty() ? "" : ", " + parked.strand_reason)},
                {"attempts", std::to_string(parked.attempts)},
                {"next attempt", parked.next_attempt_at_ms ? ForPeople(*parked.next_attempt_at_ms) + " UTC" : ""},
                {"last error", parked.last_error},
                {"record", RecordText(report, parked.source)}});
}

std::string HeadersText(const RecordFacts& record) {
  if (!record.problem.empty()) return "";
  Table table({Align::kLeft, Align::kLeft});
  for (const auto& h : record.headers) table.Add({Safe(h.name), Safe(h.value)});
  return "\nHeaders of " + PositionText(record.source) + "\n" + table.Render("  ");
}

void AddPosition(JsonWriter& json, const store::SourcePosition& source) {
  json.Field("topic", source.topic).Field("partition", source.partition).Field("offset", source.offset);
}

void AddObject(JsonWriter& json, const store::SettledEvent& event) {
  json.Key("object").BeginObject().TextOrNull("type", event.object_type).TextOrNull("id", event.object_id);
  json.Key("mirror");
  if (!event.object) {
    json.Null().EndObject();
    return;
  }
  const auto& object = *event.object;
  json.BeginObject()
      .Field("shows_this_event", object.event_id == event.key.event_id)
      .Field("event_id", object.event_id)
      .Field("event_type", object.event_type)
      .Time("event_created", object.event_created_ms)
      .Field("terminal", object.terminal)
      .Field("deleted", object.deleted)
      .EndObject()
      .EndObject();
}

void AddSettled(JsonWriter& json, const store::SettledEvent& event) {
  json.BeginObject()
      .Field("scope", event.key.scope)
      .Field("event_type", event.event_type)
      .Field("status", event.status)
      .TextOrNull("reason", event.reason)
      .TextOrNull("error_code", event.error_code)
      .Field("attempts", event.attempts)
      .Field("ordering_key", event.ordering_key)
      .TextOrNull("api_version", event.api_version)
      .Time("event_created", event.created_at_ms)
      .Time("received_at", event.received_at_ms)
      .Time("settled_at", event.settled_at_ms)
      .TextOrNull("replay_id", event.replay_id);
  AddPosition(json, event.source);
  AddObject(json, event);
  json.EndObject();
}

void AddAttempt(JsonWriter& json, const store::LetterAttempt& attempt) {
  json.BeginObject()
      .Field("cycle", attempt.cycle)
      .Field("stage", attempt.stage)
      .Field("error_code", attempt.error_code)
      .Field("error_message", attempt.error_message)
      .Field("attempts", attempt.attempts)
      .Time("failed_at", attempt.failed_at_ms)
      .Field("worker", attempt.worker)
      .EndObject();
}

void AddLetter(JsonWriter& json, const store::LetterState& letter) {
  json.BeginObject()
      .TextOrNull("scope", letter.scope)
      .Field("status", letter.status)
      .Field("ordering_key", letter.ordering_key)
      .Field("fingerprint", letter.fingerprint)
      .Time("first_failed_at", letter.first_failed_at_ms)
      .Time("published_at", letter.published_at_ms)
      .TextOrNull("replay_id", letter.replay_id);
  AddPosition(json, letter.source);
  json.Key("attempts").BeginArray();
  for (const auto& attempt : letter.earlier) AddAttempt(json, attempt);
  AddAttempt(json, letter.last);
  json.EndArray().EndObject();
}

void AddParked(JsonWriter& json, const store::ParkedEvent& parked) {
  json.BeginObject()
      .TextOrNull("scope", parked.scope)
      .Field("status", parked.status)
      .Field("ordering_key", parked.ordering_key)
      .Field("attempts", parked.attempts)
      .Time("next_attempt_at", parked.next_attempt_at_ms)
      .TextOrNull("last_error", parked.last_error)
      .TextOrNull("strand_state", parked.strand_state)
      .TextOrNull("strand_reason", parked.strand_reason)
      .Time("strand_since", parked.strand_since_ms);
  AddPosition(json, parked.source);
  json.EndObject();
}

void AddRecord(JsonWriter& json, const RecordFacts& record) {
  json.BeginObject();
  AddPosition(json, record.source);
  json.TextOrNull("problem", record.problem);
  if (record.problem.empty()) {
    json.Time("timestamp", record.timestamp_ms < 0 ? std::nullopt : std::optional(record.timestamp_ms))
        .Field("key", record.key)
        .Field("body_bytes", record.body_bytes)
        .Field("digest_matches", record.digest_matches)
        .Key("headers")
        .BeginObject();
    for (const auto& h : record.headers) json.Field(h.name, h.value);
    json.EndObject();
  }
  json.EndObject();
}

void AddAction(JsonWriter& json, const store::PastAction& action) {
  json.BeginObject()
      .Time("acted_at", action.acted_at_ms)
      .Field("actor", action.actor)
      .Field("action", action.action)
      .TextOrNull("reason", action.reason)
      .TextOrNull("replay_id", action.replay_id)
      .EndObject();
}

void AddMoment(JsonWriter& json, const Moment& moment) {
  json.BeginObject().Time("at", moment.at_ms).Field("what", moment.what).EndObject();
}

template <typename Items, typename Add>
void AddArray(JsonWriter& json, std::string_view name, const Items& items, Add add) {
  json.Key(name).BeginArray();
  for (const auto& item : items) add(json, item);
  json.EndArray();
}

}  // namespace

std::string EventText(const EventReport& report) {
  std::string text;
  const auto add = [&](const std::string& block) { text += (text.empty() ? "" : "\n") + block; };
  for (const auto& event : report.history.settled) add(SettledText(report, event));
  for (const auto& letter : report.history.letters) add(LetterText(report, letter));
  for (const auto& parked : report.history.parked) add(ParkedText(report, parked));
  Table moments({Align::kLeft, Align::kLeft});
  for (const auto& moment : TimeLine(report)) moments.Add({ForPeople(moment.at_ms), Safe(moment.what)});
  text += "\nTime line (UTC)\n" + moments.Render("  ");
  for (const auto& record : report.records) text += HeadersText(record);
  return text;
}

std::string EventJson(const EventReport& report) {
  JsonWriter json;
  json.BeginObject()
      .Field("asked", report.asked)
      .TextOrNull("event_id", report.event_id)
      .Field("found", !report.history.empty());
  AddArray(json, "inbox", report.history.settled, AddSettled);
  AddArray(json, "dead_letters", report.history.letters, AddLetter);
  AddArray(json, "parked", report.history.parked, AddParked);
  AddArray(json, "records", report.records, AddRecord);
  AddArray(json, "actions", report.history.actions, AddAction);
  AddArray(json, "time_line", TimeLine(report), AddMoment);
  json.EndObject();
  return std::move(json).Take();
}

}  // namespace keystrand::worker::op
