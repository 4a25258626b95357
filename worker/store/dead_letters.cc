#include "worker/store/dead_letters.h"

#include "worker/store/letter_params.h"

namespace keystrand::worker::store {
namespace {

constexpr Statement kInsert{"letter_insert", R"(
INSERT INTO keystrand.dead_letters (source_topic, source_partition, source_offset, cycle, scope, event_id, event_type,
    ordering_key, record_key, headers, payload, record_timestamp, stage, error_code, error_message, fingerprint,
    attempts, first_failed_at, failed_at, worker)
VALUES ($1, $2::integer, $3::bigint, $4::integer, nullif($5, ''), nullif($6, ''), nullif($7, ''), $8, $9::bytea,
    (SELECT coalesce(jsonb_agg(jsonb_build_array(h.name, h.value) ORDER BY h.position), '[]')
       FROM unnest($10::text[], $11::text[]) WITH ORDINALITY AS h(name, value, position)),
    $12::bytea, CASE WHEN $13::bigint >= 0 THEN to_timestamp($13::bigint / 1000.0) END, $14, $15, $16, $17,
    $18::integer, to_timestamp($19::bigint / 1000.0), to_timestamp($20::bigint / 1000.0), $21)
ON CONFLICT DO NOTHING)"};

constexpr Statement kHistory{"letter_history", R"(
INSERT INTO keystrand.dead_letter_attempts (source_topic, source_partition, source_offset, cycle, stage, error_code,
    error_message, attempts, failed_at, worker)
SELECT source_topic, source_partition, source_offset, cycle, stage, error_code, error_message, attempts, failed_at, worker
  FROM keystrand.dead_letters
 WHERE source_topic = $1 AND source_partition = $2::integer AND source_offset = $3::bigint
ON CONFLICT DO NOTHING)"};

constexpr Statement kReopen{"letter_reopen", R"(
WITH again AS (
  UPDATE keystrand.dead_letters
     SET cycle = cycle + 1, status = 'open', published_at = NULL, stage = $5, error_code = $6, error_message = $7,
         fingerprint = $8, attempts = $9::integer, first_failed_at = to_timestamp($10::bigint / 1000.0),
         failed_at = to_timestamp($11::bigint / 1000.0), worker = $12
   WHERE source_topic = $1 AND source_partition = $2::integer AND source_offset = $3::bigint AND replay_id = $4
     AND status = 'replaying'
  RETURNING *)
INSERT INTO keystrand.dead_letter_attempts (source_topic, source_partition, source_offset, cycle, stage, error_code,
    error_message, attempts, failed_at, worker, replay_id)
SELECT source_topic, source_partition, source_offset, cycle, stage, error_code, error_message, attempts, failed_at, worker,
       replay_id
  FROM again)"};

constexpr Statement kReplayed{"letter_replayed", R"(
SELECT FROM keystrand.dead_letters
 WHERE source_topic = $1 AND source_partition = $2::integer AND source_offset = $3::bigint AND replay_id = $4)"};

constexpr Statement kResolve{"letter_resolve", R"(
UPDATE keystrand.dead_letters SET status = 'resolved'
 WHERE source_topic = $1 AND source_partition = $2::integer AND source_offset = $3::bigint AND replay_id = $4
   AND status = 'replaying')"};

constexpr Statement kUnpublished{"letter_unpublished", R"(
SELECT l.source_offset, l.source_partition, l.cycle, l.scope, l.event_id, l.event_type, l.record_key, l.payload,
       coalesce((extract(epoch FROM l.record_timestamp) * 1000)::bigint, -1), l.stage, l.error_code, l.error_message,
       l.fingerprint, l.attempts, (extract(epoch FROM l.first_failed_at) * 1000)::bigint,
       (extract(epoch FROM l.failed_at) * 1000)::bigint, l.worker,
       ARRAY(SELECT h.value ->> 0 FROM jsonb_array_elements(l.headers) WITH ORDINALITY AS h(value, position)
              ORDER BY h.position),
       ARRAY(SELECT h.value ->> 1 FROM jsonb_array_elements(l.headers) WITH ORDINALITY AS h(value, position)
              ORDER BY h.position)
  FROM keystrand.dead_letters l
 WHERE l.source_topic = $1 AND l.source_partition = ANY ($2::integer[]) AND l.published_at IS NULL
 ORDER BY l.source_partition, l.source_offset LIMIT $3::integer)"};

constexpr Statement kPublished{"letter_published", R"(
UPDATE keystrand.dead_letters l SET published_at = clock_timestamp()
  FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS u(topic, "partition", "offset")
 WHERE l.source_topic = u.topic AND l.source_partition = u."partition" AND l.source_offset = u."offset"
   AND l.published_at IS NULL)"};

constexpr Statement kFindPublished{"letter_find", R"(
SELECT l.source_topic, l.source_partition, l.source_offset
  FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS u(topic, "partition", "offset")
  JOIN keystrand.dead_letters l
    ON l.source_topic = u.topic AND l.source_partition = u."partition" AND l.source_offset = u."offset"
 WHERE l.published_at IS NOT NULL)"};

}  // namespace

Result<> InsertDeadLetter(Transaction& transaction, const DeadLetter& letter) {
  const auto inserted = transaction.Run(kInsert, LetterParams(letter));
  if (!inserted) return Fail(inserted.error());
  const auto history = transaction.Run(kHistory, PositionParams(letter.source));
  if (!history) return Fail(history.error());
  return {};
}

Result<ReplayedLetter> ReopenDeadLetter(Transaction& transaction, const DeadLetter& letter,
                                        const std::string& replay_id) {
  auto params = PositionParams(letter.source);
  params.Add(replay_id);
  AddFailure(letter, params);
  const auto reopened = transaction.Run(kReopen, params);
  if (!reopened) return Fail(reopened.error());
  if (reopened->affected() > 0) return ReplayedLetter::kReopened;
  auto known_params = PositionParams(letter.source);
  known_params.Add(replay_id);
  const auto known = transaction.Run(kReplayed, known_params);
  if (!known) return Fail(known.error());
  return known->size() > 0 ? ReplayedLetter::kEarlierWork : ReplayedLetter::kUnknown;
}

Result<> ResolveDeadLetter(Transaction& transaction, const SourcePosition& source, const std::string& replay_id) {
  auto params = PositionParams(source);
  params.Add(replay_id);
  const auto resolved = transaction.Run(kResolve, params);
  if (!resolved) return Fail(resolved.error());
  return {};
}

Result<std::vector<DeadLetter>> FindUnpublished(Transaction& transaction, const std::string& topic,
                                                const std::vector<std::int32_t>& partitions, int limit) {
  Params params;
  params.Add(topic).Add(ArrayOf(partitions, [](std::int32_t partition) { return partition; })).Add(limit);
  const auto rows = transaction.Run(kUnpublished, params);
  if (!rows) return Fail(rows.error());
  std::vector<DeadLetter> letters;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    DeadLetter letter;
    letter.source = {topic, static_cast<std::int32_t>(rows->Int(i, 1)), rows->Int(i, 0)};
    letter.cycle = static_cast<int>(rows->Int(i, 2));
    letter.scope = rows->Text(i, 3);
    letter.event_id = rows->Text(i, 4);
    letter.event_type = rows->Text(i, 5);
    letter.key = FromBytea(rows->Text(i, 6));
    letter.payload = FromBytea(rows->Text(i, 7));
    letter.record_timestamp_ms = rows->Int(i, 8);
    letter.stage = rows->Text(i, 9);
    letter.error_code = rows->Text(i, 10);
    letter.error_message = rows->Text(i, 11);
    letter.fingerprint = rows->Text(i, 12);
    letter.attempts = static_cast<int>(rows->Int(i, 13));
    letter.first_failed_at_ms = rows->Int(i, 14);
    letter.failed_at_ms = rows->Int(i, 15);
    letter.worker = rows->Text(i, 16);
    const auto names = ParseTextArray(rows->Text(i, 17));
    const auto values = ParseTextArray(rows->Text(i, 18));
    for (std::size_t h = 0; h < names.size() && h < values.size(); ++h) letter.headers.push_back({names[h], values[h]});
    letters.push_back(std::move(letter));
  }
  return letters;
}

Result<std::vector<SourcePosition>> FindPublished(Transaction& transaction,
                                                  const std::vector<SourcePosition>& letters) {
  const auto rows = transaction.Run(kFindPublished, PositionParams(letters));
  if (!rows) return Fail(rows.error());
  return PositionsIn(*rows);
}

Result<> MarkPublished(Transaction& transaction, const std::vector<SourcePosition>& letters) {
  const auto marked = transaction.Run(kPublished, PositionParams(letters));
  if (!marked) return Fail(marked.error());
  return {};
}

}  // namespace keystrand::worker::store
