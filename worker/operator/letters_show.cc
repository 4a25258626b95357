#include "worker/operator/letters_show.h"

#include <algorithm>
#include <utility>

#include "worker/operator/audit.h"
#include "worker/operator/database.h"
#include "worker/operator/event_report.h"
#include "worker/operator/json.h"
#include "worker/operator/letter_select.h"
#include "worker/operator/letter_subject.h"
#include "worker/operator/pretty_json.h"
#include "worker/operator/text.h"

namespace keystrand::worker::op {
namespace {

using Align = Table::Align;

/// Any program that may write to the topic could put anything into a header that is not ours.
bool MayShow(const LetterReport& report, const store::HeaderText& header) {
  return report.with_body || IsKnownHeader(header.name);
}

std::string HiddenValue(const store::HeaderText& header) {
  return "(" + Count(static_cast<std::int64_t>(header.value.size()), "byte") + ", not a header of ours: see --payload)";
}

std::string AttemptsText(const LetterReport& report) {
  Table table({Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kRight, Align::kLeft, Align::kLeft});
  table.Add({"cycle", "failed (UTC)", "stage", "code", "attempts", "worker", "message"});
  const auto add = [&](const store::LetterAttempt& attempt) {
    table.Add({std::to_string(attempt.cycle), ForPeople(attempt.failed_at_ms), attempt.stage, attempt.error_code,
               std::to_string(attempt.attempts), Safe(attempt.worker), Safe(attempt.error_message)});
  };
  for (const auto& attempt : report.earlier) add(attempt);
  const auto& letter = report.letter;
  add({letter.cycle, letter.stage, letter.error_code, letter.error_message, letter.attempts, letter.failed_at_ms,
       letter.worker});
  return "\nDied\n" + table.Render("  ");
}

std::string ActionsText(const LetterReport& report) {
  if (report.actions.empty()) return "";
  Table table({Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft});
  for (const auto& action : report.actions) {
    table.Add({ForPeople(action.acted_at_ms), Safe(action.actor), action.action, Safe(action.replay_id),
               Safe(action.reason)});
  }
  return "\nOperators (UTC)\n" + table.Render("  ");
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

void AddHeaders(JsonWriter& json, const LetterReport& report) {
  json.Key("headers").BeginArray();
  for (const auto& header : report.content.headers) {
    json.BeginObject().Field("name", header.name);
    if (MayShow(report, header)) {
      json.Field("value", header.value);
    } else {
      json.Key("value").Null();
    }
    json.EndObject();
  }
  json.EndArray();
}

void AddActions(JsonWriter& json, const LetterReport& report) {
  json.Key("actions").BeginArray();
  for (const auto& action : report.actions) {
    json.BeginObject()
        .Time("acted_at", action.acted_at_ms)
        .Field("actor", action.actor)
        .Field("action", action.action)
        .TextOrNull("reason", action.reason)
        .TextOrNull("replay_id", action.replay_id)
        .EndObject();
  }
  json.EndArray();
}

/// The rest of a report, in one transaction.
Result<LetterReport> ReadReport(store::Transaction& transaction, const store::LetterSummary& letter) {
  LetterReport report;
  report.letter = letter;
  auto content = store::ReadLetterContent(transaction, letter.source);
  if (!content) return Fail(content.error());
  if (!*content) return Fail(ErrorCode::kMissingReference, PositionText(letter.source) + " was just deleted");
  report.content = std::move(**content);
  const std::string id = letter.event_id.empty() ? PositionText(letter.source) : letter.event_id;
  auto history = store::ReadEventHistory(transaction, {id, letter.source});
  if (!history) return Fail(history.error());
  report.actions = std::move(history->actions);
  for (auto& state : history->letters) {
    if (state.source == letter.source) report.earlier = std::move(state.earlier);
  }
  return report;
}

}  // namespace

std::string LetterReportText(const LetterReport& report) {
  const auto& letter = report.letter;
  std::string text = Block("Dead letter " + PositionText(letter.source) + ": " + letter.status,
                           {{"event", letter.event_id.empty() ? "none: the body could not be read" : letter.event_id},
                            {"type", letter.event_type},
                            {"scope", letter.scope},
                            {"key", letter.ordering_key},
                            {"error", letter.error_code + " in stage " + letter.stage},
                            {"message", letter.error_message},
                            {"fingerprint", letter.fingerprint},
                            {"attempts", std::to_string(letter.attempts)},
                            {"cycle", std::to_string(letter.cycle)},
                            {"first failed", ForPeople(letter.first_failed_at_ms) + " UTC"},
                            {"in its topic", letter.published_at_ms ? "yes" : "not yet"},
                            {"replay", letter.replay_id},
                            {"body", Count(static_cast<std::int64_t>(report.content.payload.size()), "byte")}});
  text += AttemptsText(report);
  Table headers({Align::kLeft, Align::kLeft});
  for (const auto& header : report.content.headers) {
    headers.Add({Safe(header.name), MayShow(report, header) ? Safe(header.value) : HiddenValue(header)});
  }
  text += "\nHeaders\n" + headers.Render("  ") + ActionsText(report);
  if (report.with_body) text += "\nBody\n" + PrettyJson(report.content.payload);
  return text;
}

std::string LetterReportJson(const LetterReport& report) {
  const auto& letter = report.letter;
  JsonWriter json;
  json.BeginObject();
  AddIdentity(json, letter);
  json.Field("fingerprint", letter.fingerprint)
      .Time("first_failed_at", letter.first_failed_at_ms)
      .Time("published_at", letter.published_at_ms)
      .TextOrNull("replay_id", letter.replay_id)
      .Field("body_bytes", static_cast<std::int64_t>(report.content.payload.size()));
  json.Key("attempts").BeginArray();
  for (const auto& attempt : report.earlier) AddAttempt(json, attempt);
  AddAttempt(json, {letter.cycle, letter.stage, letter.error_code, letter.error_message, letter.attempts,
                    letter.failed_at_ms, letter.worker});
  json.EndArray();
  AddHeaders(json, report);
  AddActions(json, report);
  if (report.with_body) json.Field("body", report.content.payload);
  json.EndObject();
  return std::move(json).Take();
}

Reply ShowLetter(const Settings& settings) {
  store::Session session(settings.Database(), nullptr);
  if (auto connected = session.Connect(); !connected) return Failed(DatabaseTrouble(connected.error()));
  const auto letter = SelectLetter(session, settings.letter_id);
  if (!letter && letter.error().code == ErrorCode::kMissingReference) {
    return {kNothing, "", Line(letter.error().detail)};
  }
  if (!letter && letter.error().code == ErrorCode::kRejected) return Failed(letter.error().detail);
  if (!letter) return Failed(DatabaseTrouble(letter.error()));
  auto report = Ask(session, [&](store::Transaction& transaction) { return ReadReport(transaction, *letter); });
  if (!report) return Failed(DatabaseTrouble(report.error()));
  report->with_body = settings.payload || settings.raw;
  if (report->with_body) {
    const auto audited =
        Audit(settings, {{}, "dead_letter.payload_shown", settings.reason, {}, LetterSubject(*letter)});
    if (!audited) {
      return Failed("the body is not shown, because no audit row could be written: " +
                    DatabaseTrouble(audited.error()));
    }
  }
  if (settings.raw) return {kOk, std::move(report->content.payload), ""};
  return {kOk, settings.output == Format::kJson ? LetterReportJson(*report) : LetterReportText(*report), ""};
}

}  // namespace keystrand::worker::op
