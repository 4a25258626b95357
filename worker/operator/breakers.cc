#include "worker/operator/breakers.h"

#include <functional>
#include <utility>

#include "worker/operator/commands.h"
#include "worker/operator/database.h"
#include "worker/operator/json.h"
#include "worker/operator/text.h"
#include "worker/store/breaker_actions.h"
#include "worker/store/operator_actions.h"

namespace keystrand::worker::op {
namespace {

using Align = Table::Align;
using store::BreakerState;

std::string BreakersText(const std::vector<BreakerState>& breakers, std::int64_t now_ms) {
  Table table({Align::kLeft, Align::kLeft, Align::kRight, Align::kLeft, Align::kLeft, Align::kLeft});
  table.Add({"handler", "state", "tokens", "opened (UTC)", "by", "fingerprint"});
  for (const auto& breaker : breakers) {
    const auto& opened = breaker.opened_at_ms;
    table.Add({Safe(breaker.handler), breaker.state, breaker.tokens,
               opened ? ForPeople(*opened) + " (" + Span(now_ms - *opened) + " ago)" : "-",
               breaker.opened_by.empty() ? "-" : Safe(breaker.opened_by),
               breaker.fingerprint.empty() ? "-" : Safe(breaker.fingerprint)});
  }
  return table.Render("");
}

std::string BreakerJson(const BreakerState& breaker) {
  JsonWriter json;
  json.BeginObject()
      .Field("handler", breaker.handler)
      .Field("state", breaker.state)
      .Field("tokens", breaker.tokens)
      .TextOrNull("fingerprint", breaker.fingerprint)
      .Time("opened_at", breaker.opened_at_ms)
      .TextOrNull("opened_by", breaker.opened_by)
      .EndObject();
  return std::move(json).Take();
}

std::string Present(const std::vector<BreakerState>& breakers, Format format) {
  if (format == Format::kText) return BreakersText(breakers, NowMs());
  std::string text;
  for (const auto& breaker : breakers) text += BreakerJson(breaker);
  return text;
}

std::string Subject(const BreakerState& before, std::optional<std::int64_t> accepted) {
  JsonWriter json;
  json.BeginObject()
      .Field("handler", before.handler)
      .Field("state", before.state)
      .Field("tokens", before.tokens)
      .TextOrNull("fingerprint", before.fingerprint)
      .Field("accepted", accepted)
      .EndObject();
  return std::move(json).Take();
}

Reply NoSuchHandler(const Settings& settings) {
  return {kNothing, "", Line("no handler " + settings.handler + " has a breaker: keystrand breaker list names them")};
}

/// Changes one breaker and writes the audit row, in one transaction; the breaker as it is then. Empty: there is none.
Result<std::optional<BreakerState>> Change(store::Transaction& transaction, const Settings& settings,
                                           std::optional<std::int64_t> accepted) {
  auto before = store::LockBreaker(transaction, settings.handler);
  if (!before || !*before) return before;
  auto changed = accepted ? store::AcceptLetters(transaction, settings.handler, *accepted)
                          : store::ResumeBreaker(transaction, settings.handler);
  if (!changed) return Fail(changed.error());
  auto written = store::InsertOperatorAction(transaction, {settings.actor,
                                                           accepted ? "breaker.accepted" : "breaker.resumed",
                                                           settings.reason,
                                                           {},
                                                           Subject(**before, accepted)});
  if (!written) return Fail(written.error());
  return store::LockBreaker(transaction, settings.handler);
}

Reply RunChange(const Settings& settings, std::optional<std::int64_t> accepted) {
  store::Session session(settings.Database(), nullptr);
  if (auto connected = session.Connect(); !connected) return Failed(DatabaseTrouble(connected.error()));
  const auto after =
      Ask(session, [&](store::Transaction& transaction) { return Change(transaction, settings, accepted); });
  if (!after) return Failed(DatabaseTrouble(after.error()));
  if (!*after) return NoSuchHandler(settings);
  return {kOk, Present({**after}, settings.output), ""};
}

}  // namespace

Reply ListBreakers(const Settings& settings) {
  store::Session session(settings.Database(), nullptr);
  if (auto connected = session.Connect(); !connected) return Failed(DatabaseTrouble(connected.error()));
  const auto breakers = Ask(session, [](store::Transaction& transaction) { return store::ListBreakers(transaction); });
  if (!breakers) return Failed(DatabaseTrouble(breakers.error()));
  if (breakers->empty()) return {kNothing, "", Line("no handler has a breaker yet: none has ever let an event die")};
  return {kOk, Present(*breakers, settings.output), ""};
}

Reply ResumeBreaker(const Settings& settings) { return RunChange(settings, std::nullopt); }
Reply AcceptDeadLetters(const Settings& settings) { return RunChange(settings, AcceptedLetters(settings.accepted)); }

}  // namespace keystrand::worker::op
