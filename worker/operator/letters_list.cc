#include "worker/operator/letters_list.h"

#include "worker/operator/database.h"
#include "worker/operator/event_report.h"
#include "worker/operator/json.h"
#include "worker/operator/letter_subject.h"
#include "worker/operator/text.h"

namespace keystrand::worker::op {
namespace {

using Align = Table::Align;

std::string LetterJson(const store::LetterSummary& letter) {
  JsonWriter json;
  json.BeginObject();
  AddIdentity(json, letter);
  json.Field("stage", letter.stage)
      .Field("error_code", letter.error_code)
      .Field("error_message", letter.error_message)
      .Field("fingerprint", letter.fingerprint)
      .Field("attempts", letter.attempts)
      .Time("first_failed_at", letter.first_failed_at_ms)
      .Time("failed_at", letter.failed_at_ms)
      .Field("worker", letter.worker)
      .TextOrNull("replay_id", letter.replay_id)
      .Time("published_at", letter.published_at_ms)
      .EndObject();
  return std::move(json).Take();
}

std::string OrNone(const std::string& text) { return text.empty() ? "-" : Safe(text); }

}  // namespace

std::string LettersText(const std::vector<store::LetterSummary>& letters) {
  Table table({Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft,
               Align::kRight, Align::kRight, Align::kLeft});
  table.Add({"id", "status", "failed (UTC)", "code", "type", "event", "key", "attempts", "cycle", "fingerprint"});
  for (const auto& letter : letters) {
    table.Add({PositionText(letter.source), letter.status, ForPeople(letter.failed_at_ms), letter.error_code,
               OrNone(letter.event_type), OrNone(letter.event_id), Safe(letter.ordering_key),
               std::to_string(letter.attempts), std::to_string(letter.cycle), Safe(letter.fingerprint)});
  }
  return table.Render("");
}

std::string LettersJson(const std::vector<store::LetterSummary>& letters) {
  std::string text;
  for (const auto& letter : letters) text += LetterJson(letter);
  return text;
}

Reply ListLetters(const Settings& settings) {
  store::Session session(settings.Database(), nullptr);
  if (auto connected = session.Connect(); !connected) return Failed(DatabaseTrouble(connected.error()));
  auto filter = settings.letters.Filter(NowMs());
  const auto limit = settings.list_limit;
  filter.limit = limit == 0 ? 0 : limit + 1;  // one more tells that there are more
  auto letters = Ask(session, [&](store::Transaction& transaction) { return store::FindLetters(transaction, filter); });
  if (!letters) return Failed(DatabaseTrouble(letters.error()));
  if (letters->empty()) return {kNothing, "", Line("no dead letter matches")};
  Reply reply;
  if (limit != 0 && static_cast<std::int64_t>(letters->size()) > limit) {
    letters->resize(static_cast<std::size_t>(limit));
    reply.err = Line("these are the newest " + Grouped(limit) + "; there are more: raise --limit, or filter");
  }
  reply.out = settings.output == Format::kJson ? LettersJson(*letters) : LettersText(*letters);
  return reply;
}

}  // namespace keystrand::worker::op
