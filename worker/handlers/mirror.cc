#include "worker/handlers/mirror.h"

#include <utility>

#include "common/stripe/event_types.h"
#include "common/stripe/json_text.h"
#include "worker/handlers/guard.h"

namespace keystrand::worker::handlers {
namespace {

/// JSON text that PostgreSQL can hold: a \u0000 becomes U+FFFD, here and not in Kafka.
std::string_view Storable(const Event& event, std::string_view json, UnitOfWork& work) {
  return event.envelope.has_nul_escape ? work.Hold(stripe::WithoutNulEscapes(json, nullptr)) : json;
}

Rank RankOf(const Event& event) {
  const auto& envelope = event.envelope;
  return {stripe::IsTombstone(envelope.type),
          stripe::IsTerminal(envelope.object_kind, envelope.status, envelope.payment_status), event.created};
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
  if (const auto key = ObjectKeyOf(event)) keys.NeedObjectUnlessLower(*key, RankOf(event));
}

Result<Outcome> Mirror::Apply(const Event& event, UnitOfWork& work) const {
  const auto key = ObjectKeyOf(event);
  if (!key) return Outcome{Verdict::kIgnored, "no_object"};
  const Rank rank = RankOf(event);
  const store::ObjectRow* const known = work.objects.Find(*key);
  if (known != nullptr && rank < RankOf(*known)) return Outcome{Verdict::kStale, ""};

  store::ObjectRow row{*key, {}, rank.created, {}, rank.terminal, rank.deleted};
  if (known != nullptr && rank == RankOf(*known)) row.candidates = known->candidates;
  const auto& envelope = event.envelope;
  store::Candidate candidate{envelope.id, envelope.type, envelope.api_version};
  candidate.previous_attributes = Storable(event, envelope.previous_attributes_json, work);
  if (policy_.Keeps(key->object)) {
    candidate.data = Storable(event, envelope.object_json, work);
    candidate.monotone = &envelope.monotone;
  }
  AddCandidate(row.candidates, candidate);
  row.shown = row.candidates[Choose(row.candidates, work.monotone)];
  const bool shown = row.shown.event_id == envelope.id;
  work.objects.Put(std::move(row));
  return Outcome{shown ? Verdict::kApplied : Verdict::kStale, ""};
}

}  // namespace keystrand::worker::handlers
