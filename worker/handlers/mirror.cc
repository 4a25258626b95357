#include "worker/handlers/mirror.h"

#include <utility>

#include "common/stripe/event_types.h"
#include "common/stripe/json_text.h"
#include "worker/handlers/guard.h"

namespace keystrand::worker::handlers {
namespace {

/// JSON text that PostgreSQL can hold: a \u0000 becomes U+FFFD, here and not in Kafka.
std::string Storable(const Event& event, std::string_view json) {
  return event.envelope.has_nul_escape ? stripe::WithoutNulEscapes(json, nullptr) : std::string(json);
}

Rank RankOf(const Event& event) {
  const auto& envelope = event.envelope;
  return {stripe::IsTombstone(envelope.type),
          stripe::IsTerminal(envelope.object_kind, envelope.status, envelope.payment_status), event.created};
}

Rank RankOf(const store::ObjectRow& row) { return {row.deleted, row.terminal, row.event_created}; }

/// Shows the newest of the row's candidates.
void ShowNewest(store::ObjectRow& row, MonotoneValues& values) {
  const auto& newest = row.candidates[Choose(row.candidates, values)];
  row.event_id = newest.event_id;
  row.event_type = newest.event_type;
  row.api_version = newest.api_version;
  row.data = newest.data;
}

}  // namespace

std::optional<store::ObjectKey> ObjectKeyOf(const Event& event) {
  const auto& envelope = event.envelope;
  if (envelope.kind != stripe::EventKind::kSnapshot || envelope.object_kind.empty() || envelope.object_json.empty()) {
    return std::nullopt;
  }
  if (!envelope.object_id.empty()) return store::ObjectKey{envelope.scope, envelope.object_kind, envelope.object_id};
  if (envelope.object_kind == "invoice" || envelope.object_kind == "billing.alert_triggered") return std::nullopt;
  // One per customer (cash_balance, entitlement summary), or one per account (balance, tax.settings): then it is empty.
  return store::ObjectKey{envelope.scope, envelope.object_kind, envelope.customer};
}

void Mirror::Need(const Event& event, RowKeys& keys) const {
  if (const auto key = ObjectKeyOf(event)) keys.NeedObject(*key, event.created);
}

Result<Outcome> Mirror::Apply(const Event& event, UnitOfWork& work) const {
  const auto key = ObjectKeyOf(event);
  if (!key) return Outcome{Verdict::kIgnored, "no_object"};
  const Rank rank = RankOf(event);
  const store::ObjectRow* const known = work.objects.Find(*key);
  if (known != nullptr && rank < RankOf(*known)) return Outcome{Verdict::kStale, ""};

  store::ObjectRow row{*key, "", "", "", "", rank.created, {}, rank.terminal, rank.deleted};
  if (known != nullptr && rank == RankOf(*known)) row.candidates = known->candidates;
  const bool kept = policy_.Keeps(key->object);
  if (kept) work.monotone.Learn(event.envelope.id, event.envelope.monotone);
  AddCandidate(row.candidates, {event.envelope.id, event.envelope.type, event.envelope.api_version,
                                Storable(event, event.envelope.previous_attributes_json),
                                kept ? Storable(event, event.envelope.object_json) : std::string()});
  ShowNewest(row, work.monotone);
  const bool shown = row.event_id == event.envelope.id;
  work.objects.Put(*key, std::move(row));
  return Outcome{shown ? Verdict::kApplied : Verdict::kStale, ""};
}

}  // namespace keystrand::worker::handlers
