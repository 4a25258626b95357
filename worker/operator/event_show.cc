#include "worker/operator/event_show.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/kafka/record_headers.h"
#include "common/kafka/record_reader.h"
#include "worker/operator/audit.h"
#include "worker/operator/event_report.h"
#include "worker/operator/json.h"
#include "worker/operator/text.h"

namespace keystrand::worker::op {
namespace {

Reply Trouble(const Error& error) { return {ExitCodeOf(error), "", Line(DatabaseTrouble(error))}; }

Reply Unknown(const Settings& settings, const EventReport& report) {
  const std::string scope = settings.scope.empty() ? "any scope" : "scope " + settings.scope;
  const std::string line = "nothing is known of " + settings.event_id + ": it is not in inbox (" + scope +
                           "), dead letters or parked events of " + settings.database_url.Redacted() +
                           "; one that was just accepted may still wait in " + settings.events_topic +
                           " (keystrand status)";
  return {kFailed, settings.output == Format::kJson ? EventJson(report) : "", Line(line)};
}

/// The records at the positions of a history, while the brokers answer.
class Records {
 public:
  explicit Records(const Settings& settings) : settings_(settings) {
    if (settings.kafka_brokers.empty()) {
      problem_ = "not read: no broker is configured (KEYSTRAND_KAFKA_BROKERS)";
      return;
    }
    auto reader = kafka::RecordReader::Open(settings.Client());
    if (reader) {
      reader_ = std::move(*reader);
    } else {
      problem_ = "not read: " + reader.error().detail;
    }
  }

  /// Empty: `problem` says why.
  std::optional<kafka::StoredRecord> Read(const store::SourcePosition& source) {
    if (!reader_ || !problem_.empty()) return std::nullopt;
    auto records = reader_->Read(source.topic, {{source.partition, source.offset}}, settings_.timeout);
    if (records) return std::move(records->front());
    problem_ = "not read: " + records.error().detail;  // asking again for the next one would only take as long again
    return std::nullopt;
  }

  RecordFacts Facts(const store::SourcePosition& source, const std::string& event_id) {
    const auto record = Read(source);
    if (problem_.empty()) return FactsOf(source, event_id, record);
    RecordFacts facts;
    facts.source = source;
    facts.problem = problem_;
    return facts;
  }

 private:
  const Settings& settings_;
  std::optional<kafka::RecordReader> reader_;
  std::string problem_;
};

/// The body from Kafka, else from the dead letter's or parked row.
Result<std::string> FindBody(store::Session& session, Records& records, const EventReport& report,
                             const store::SourcePosition& source) {
  auto record = records.Read(source);
  if (record && IsOf(*record, report.event_id)) return std::move(record->value);
  std::optional<std::string> payload;
  const auto asked = session.InTransaction([&](store::Transaction& transaction) -> Result<> {
    auto found = store::FindPayload(transaction, source);
    if (!found) return Fail(found.error());
    payload = std::move(*found);
    return {};
  });
  if (!asked) return Fail(asked.error());
  if (payload) return std::move(*payload);
  return Fail(ErrorCode::kRejected, "the body of " + report.asked + " cannot be read at " + PositionText(source) +
                                        ": see `keystrand event show` without --payload for the reason");
}

/// A body without an id goes by its position.
std::string Subject(const EventReport& report, const store::SourcePosition& source) {
  JsonWriter json;
  json.BeginObject()
      .Field("event_id", report.event_id.empty() ? PositionText(source) : report.event_id)
      .Field("topic", source.topic)
      .Field("partition", source.partition)
      .Field("offset", source.offset)
      .EndObject();
  return std::move(json).Take();
}

Reply ShowPayload(store::Session& session, Records& records, const Settings& settings, const EventReport& report) {
  const auto source = BodyPosition(report.history);
  if (!source) return {kFailed, "", Line(source.error().detail)};
  auto body = FindBody(session, records, report, *source);
  if (!body && body.error().code == ErrorCode::kRejected) return {kFailed, "", Line(body.error().detail)};
  if (!body) return Trouble(body.error());
  const auto audited = Audit(settings, {{}, "event.payload_shown", settings.reason, {}, Subject(report, *source)});
  if (!audited) {
    return {
        ExitCodeOf(audited.error()), "",
        Line("the payload is not shown, because no audit row could be written: " + DatabaseTrouble(audited.error()))};
  }
  return {kOk, std::move(*body), ""};
}

Result<store::EventHistory> ReadHistory(store::Session& session, const store::EventQuery& query) {
  store::EventHistory history;
  const auto asked = session.InTransaction([&](store::Transaction& transaction) -> Result<> {
    auto found = store::ReadEventHistory(transaction, query);
    if (!found) return Fail(found.error());
    history = std::move(*found);
    return {};
  });
  if (!asked) return Fail(asked.error());
  return history;
}

/// The id of the event at a position: of the dead letter there, else of the record. Empty: it has none.
Result<std::string> EventIdAt(store::Session& session, Records& records, const store::SourcePosition& source) {
  const auto history = ReadHistory(session, {PositionText(source), source});
  if (!history) return Fail(history.error());
  for (const auto& letter : history->letters) return letter.event_id;
  const auto record = records.Read(source);
  return record ? std::string(record->FindHeader(kafka::header::kEventId).value_or("")) : std::string();
}

Result<EventReport> FindEvent(store::Session& session, Records& records, const Settings& settings) {
  if (auto connected = session.Connect(); !connected) return Fail(connected.error());
  EventReport report{settings.event_id, settings.event_id, {}, {}};
  const auto source = ParsePosition(settings.event_id);
  if (source) {
    auto id = EventIdAt(session, records, *source);
    if (!id) return Fail(id.error());
    report.event_id = std::move(*id);
  }
  const bool by_position = report.event_id.empty();
  auto history = by_position ? ReadHistory(session, {report.asked, source})
                             : ReadHistory(session, {report.event_id, std::nullopt});
  if (!history) return Fail(history.error());
  report.history = std::move(*history);
  KeepScope(report.history, settings.scope);
  return report;
}

}  // namespace

void KeepScope(store::EventHistory& history, const std::string& scope) {
  if (scope.empty()) return;
  std::erase_if(history.settled, [&](const auto& event) { return event.key.scope != scope; });
  std::erase_if(history.letters, [&](const auto& letter) { return letter.scope != scope; });
  std::erase_if(history.parked, [&](const auto& parked) { return parked.scope != scope; });
}

Result<store::SourcePosition> BodyPosition(const store::EventHistory& history) {
  std::set<std::string> scopes;
  for (const auto& event : history.settled) scopes.insert(event.key.scope);
  for (const auto& letter : history.letters) scopes.insert(letter.scope);
  for (const auto& parked : history.parked) scopes.insert(parked.scope);
  if (scopes.size() > 1) {
    const std::vector<std::string> names(scopes.begin(), scopes.end());
    return Fail(ErrorCode::kRejected,
                "the id stands for events of several scopes: choose with --scope one of " + Join(names, ", "));
  }
  return PositionsOf(history).front();
}

Reply ShowEvent(const Settings& settings) {
  store::Session session(settings.Database(), nullptr);
  Records records(settings);
  auto report = FindEvent(session, records, settings);
  if (!report) return Trouble(report.error());
  if (report->history.empty()) return Unknown(settings, *report);
  if (settings.payload) return ShowPayload(session, records, settings, *report);
  for (const auto& source : PositionsOf(report->history)) {
    report->records.push_back(records.Facts(source, report->event_id));
  }
  return {kOk, settings.output == Format::kJson ? EventJson(*report) : EventText(*report), ""};
}

}  // namespace keystrand::worker::op
