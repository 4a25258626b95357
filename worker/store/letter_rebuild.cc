#include "worker/store/letter_rebuild.h"

#include "common/core/utf8.h"
#include "worker/store/letter_params.h"

namespace keystrand::worker::store {
namespace {

constexpr Statement kMissing{"letters_missing", R"(
SELECT u.topic, u."partition", u."offset"
  FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS u(topic, "partition", "offset")
 WHERE NOT EXISTS (SELECT FROM keystrand.dead_letters l
                    WHERE l.source_topic = u.topic AND l.source_partition = u."partition"
                      AND l.source_offset = u."offset"))"};

constexpr Statement kInboxVerdict{"letter_judge_inbox", R"(
SELECT CASE WHEN i.status IN ('replaying', 'discarded') THEN i.status
            WHEN i.status IN ('applied', 'stale', 'ignored') THEN 'resolved' ELSE 'open' END, i.replay_id
  FROM keystrand.inbox i WHERE i.scope = $1 AND i.event_id = $2)"};

/// The letter's replays are counted, since each that failed has become a cycle.
constexpr Statement kActionVerdict{"letter_judge_actions", R"(
SELECT CASE WHEN (array_agg(a.action ORDER BY a.id DESC))[1] = 'dead_letter.discarded' THEN 'discarded'
            WHEN count(*) FILTER (WHERE a.action = 'dead_letter.replayed') > $4::integer THEN 'replaying'
            ELSE 'open' END,
       (array_agg(a.replay_id ORDER BY a.id DESC) FILTER (WHERE a.action = 'dead_letter.replayed'))[1]
  FROM keystrand.operator_actions a
 WHERE a.subject @> jsonb_build_object('topic', $1::text, 'partition', $2::integer, 'offset', $3::bigint)
   AND a.action IN ('dead_letter.replayed', 'dead_letter.discarded'))"};

constexpr Statement kInsert{"letter_rebuild", R"(
INSERT INTO keystrand.dead_letters (source_topic, source_partition, source_offset, cycle, scope, event_id, event_type,
    ordering_key, record_key, headers, payload, record_timestamp, stage, error_code, error_message, fingerprint,
    attempts, first_failed_at, failed_at, worker, status, replay_id, published_at)
VALUES ($1, $2::integer, $3::bigint, $4::integer, nullif($5, ''), nullif($6, ''), nullif($7, ''), $8, $9::bytea,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(h.name, h.value) ORDER BY h.position), '[]')
       FROM unnest($10::text[], $11::text[]) WITH ORDINALITY AS h(name, value, position)),
    $12::bytea, CASE WHEN $13::bigint >= 0 THEN to_timestamp($13::bigint / 1000.0) END, $14, $15, $16, $17,
    $18::integer, to_timestamp($19::bigint / 1000.0), to_timestamp($20::bigint / 1000.0), $21, $22, nullif($23, ''),
    to_timestamp($24::bigint / 1000.0))
ON CONFLICT DO NOTHING)"};

constexpr Statement kAttempt{"letter_attempt", R"(
INSERT INTO keystrand.dead_letter_attempts (source_topic, source_partition, source_offset, cycle, stage, error_code,
    error_message, attempts, failed_at, worker)
VALUES ($1, $2::integer, $3::bigint, $4::integer, $5, $6, $7, $8::integer, to_timestamp($9::bigint / 1000.0), $10)
ON CONFLICT DO NOTHING)"};

/// Replaying without an id could be neither resumed nor recognised.
LetterVerdict VerdictAt(const Rows& rows) {
  LetterVerdict verdict{std::string(rows.Text(0, 0)), std::string(rows.Text(0, 1))};
  if (verdict.status == "replaying" && verdict.replay_id.empty()) verdict.status = "open";
  return verdict;
}

}  // namespace

Result<std::vector<SourcePosition>> FindMissingLetters(Transaction& transaction,
                                                       const std::vector<SourcePosition>& letters) {
  const auto rows = transaction.Run(kMissing, PositionParams(letters));
  if (!rows) return Fail(rows.error());
  return PositionsIn(*rows);
}

Result<LetterVerdict> JudgeLetter(Transaction& transaction, const DeadLetter& letter) {
  if (!letter.event_id.empty()) {
    Params params;
    params.Add(letter.scope).Add(letter.event_id);
    const auto rows = transaction.Run(kInboxVerdict, params);
    if (!rows) return Fail(rows.error());
    if (rows->size() == 1) return VerdictAt(*rows);
  }
  Params params = PositionParams(letter.source);
  params.Add(letter.cycle);
  const auto rows = transaction.Run(kActionVerdict, params);
  if (!rows) return Fail(rows.error());
  return VerdictAt(*rows);
}

Result<bool> InsertRebuiltLetter(Transaction& transaction, const DeadLetter& letter, const LetterVerdict& verdict,
                                 std::int64_t published_at_ms) {
  auto params = LetterParams(letter);
  params.Add(verdict.status).Add(verdict.replay_id).Add(published_at_ms);
  const auto inserted = transaction.Run(kInsert, params);
  if (!inserted) return Fail(inserted.error());
  return inserted->affected() == 1;
}

Result<> InsertLetterAttempt(Transaction& transaction, const SourcePosition& letter, const LetterAttempt& attempt) {
  Params params = PositionParams(letter);
  params.Add(attempt.cycle)
      .Add(attempt.stage)
      .Add(attempt.error_code)
      .Add(Printable(attempt.error_message))
      .Add(attempt.attempts)
      .Add(attempt.failed_at_ms)
      .Add(Printable(attempt.worker));
  const auto inserted = transaction.Run(kAttempt, params);
  if (!inserted) return Fail(inserted.error());
  return {};
}

}  // namespace keystrand::worker::store
