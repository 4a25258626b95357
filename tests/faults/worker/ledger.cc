#include "tests/faults/worker/ledger.h"

#include <algorithm>
#include <utility>

#include "common/core/utf8.h"

namespace keystrand::faults {
namespace {

using worker::engine::SettledRecord;
using worker::handlers::Event;
using worker::store::ArrayOf;
using worker::store::Params;
using worker::store::Statement;
using worker::store::Transaction;

constexpr Statement kEffects{"faults_effects", R"(
WITH event AS (
  SELECT *, coalesce((nullif(charge, '')::jsonb ->> 'amount')::bigint, 0) AS amount
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY
      AS e(scope, event_id, event_type, ordering_key, charge, place)
), strand AS (
  INSERT INTO faults.strands AS s (ordering_key, effects, balance)
  SELECT ordering_key, count(*), sum(amount) FROM event GROUP BY ordering_key ORDER BY ordering_key
  ON CONFLICT (ordering_key) DO UPDATE SET effects = s.effects + excluded.effects, balance = s.balance + excluded.balance
  RETURNING ordering_key, effects
)
INSERT INTO faults.effects (scope, event_id, event_type, ordering_key, amount, number)
SELECT scope, event_id, event_type, ordering_key, amount,
       strand.effects - count(*) OVER (PARTITION BY ordering_key)
         + row_number() OVER (PARTITION BY ordering_key ORDER BY place)
  FROM event JOIN strand USING (ordering_key) ORDER BY place)"};

constexpr Statement kOutcomes{"faults_outcomes", R"(
INSERT INTO faults.outcomes ("partition", "offset", epoch, ordering_key, outcome)
SELECT * FROM unnest($1::integer[], $2::bigint[], $3::bigint[], $4::text[], $5::text[]))"};

/// Of the transaction in which this executor decides a batch.
std::vector<Effect>& Waiting() {
  thread_local std::vector<Effect> effects;
  return effects;
}

Result<> Write(Transaction& transaction, const std::vector<Effect>& effects) {
  const auto column = [&](std::string Effect::*field) {
    return ArrayOf(
        effects, [field](const Effect& effect) -> const auto& { return effect.*field; });
  };
  Params params;
  params.Add(column(&Effect::scope))
      .Add(column(&Effect::event_id))
      .Add(column(&Effect::event_type))
      .Add(column(&Effect::ordering_key))
      .Add(column(&Effect::charge));
  const auto written = transaction.Run(kEffects, params);
  if (!written) return Fail(written.error());
  return {};
}

/// Bug::kEffectOutside: on a connection of this thread's own, committed whatever becomes of the batch.
Result<> WriteOutside(const worker::store::DatabaseSettings& database, const std::vector<Effect>& effects) {
  thread_local worker::store::Session session(database, nullptr);
  if (!session.connected()) {
    if (auto connected = session.Connect(); !connected) return connected;
  }
  return session.InTransaction([&](Transaction& own) { return Write(own, effects); });
}

}  // namespace

void LedgerHandler::TransactionEnded() { Waiting().clear(); }

Result<worker::handlers::Outcome> LedgerHandler::Apply(const Event& event,
                                                       worker::handlers::UnitOfWork& /*work*/) const {
  const auto& envelope = event.envelope;
  Waiting().push_back({envelope.scope, envelope.id, envelope.type, envelope.ordering_key,
                       envelope.type == "charge.succeeded" ? std::string(envelope.object_json) : ""});
  return worker::handlers::Outcome{worker::handlers::Verdict::kIgnored, ""};
}

Result<> Books::OnSettled(Transaction& transaction, const std::vector<SettledRecord>& records) {
  auto effects = std::exchange(Waiting(), {});
  if (!effects.empty()) {
    if (auto written = WriteEffects(transaction, std::move(effects)); !written) return written;
  }
  if (records.empty()) return {};
  Params params;
  params.Add(ArrayOf(records, [](const auto& record) { return record.partition; }))
      .Add(ArrayOf(records, [](const auto& record) { return record.offset; }))
      .Add(ArrayOf(records, [](const auto& record) { return record.epoch; }))
      .Add(ArrayOf(records, [](const auto& record) { return Printable(record.key); }))
      .Add(ArrayOf(records, [](const auto& record) { return record.outcome; }));
  // In half of all batches they travel with what the worker has written, and with the commit.
  if (records.front().offset % 2 == 0) return transaction.Write(kOutcomes, std::move(params));
  const auto written = transaction.Run(kOutcomes, params);
  if (!written) return Fail(written.error());
  points_.Reach("before_commit");
  return {};
}

Result<> Books::WriteEffects(Transaction& transaction, std::vector<Effect> effects) const {
  if (bug_ == Bug::kOrderLost) {
    std::sort(effects.begin(), effects.end(), [](const auto& a, const auto& b) { return a.event_id < b.event_id; });
  }
  return bug_ == Bug::kEffectOutside ? WriteOutside(database_, effects) : Write(transaction, effects);
}

}  // namespace keystrand::faults
