#include "worker/store/event_history.h"

namespace keystrand::worker::store {
namespace {

/// The inbox's key begins with the scope and there is no index on the id alone, which each insert would pay for: the
/// scopes are found by skipping from one to the next (a few index probes each), then asked by primary key. An object
/// without an id of its own is kept under its customer, the last part of the ordering key.
constexpr Statement kSettled{"history_settled", R"(
WITH RECURSIVE scopes(scope) AS (
  (SELECT i.scope FROM keystrand.inbox i ORDER BY i.scope LIMIT 1)
  UNION ALL
  SELECT (SELECT i.scope FROM keystrand.inbox i WHERE i.scope > s.scope ORDER BY i.scope LIMIT 1)
    FROM scopes s WHERE s.scope IS NOT NULL)
SELECT i.scope, i.event_type, i.ordering_key, i.object_type, i.object_id, i.api_version,
       (extract(epoch FROM i.event_created) * 1000)::bigint, (extract(epoch FROM i.received_at) * 1000)::bigint,
       i.source_topic, i.source_partition, i.source_offset, i.replay_id, i.status, i.reason, i.attempts, i.error_code,
       (extract(epoch FROM i.settled_at) * 1000)::bigint,
       o.object, o.id, o.event_id, o.event_type, (extract(epoch FROM o.event_created) * 1000)::bigint, o.terminal,
       o.deleted
  FROM scopes s
  JOIN keystrand.inbox i ON i.scope = s.scope AND i.event_id = $1
  LEFT JOIN LATERAL (
    SELECT * FROM stripe.objects o
     WHERE o.scope = i.scope AND o.object = i.object_type
       AND o.id = ANY (ARRAY[i.object_id, CASE WHEN i.object_id = '' THEN split_part(i.ordering_key, '/', 3) END])
     ORDER BY o.event_id = i.event_id DESC LIMIT 1) o ON true
 ORDER BY i.scope)"};

constexpr Statement kLetters{"history_letters", R"(
SELECT l.source_topic, l.source_partition, l.source_offset, l.scope, l.event_id, l.event_type, l.ordering_key, l.status,
       l.replay_id, l.fingerprint, (extract(epoch FROM l.first_failed_at) * 1000)::bigint,
       (extract(epoch FROM l.published_at) * 1000)::bigint, l.cycle, l.stage, l.error_code, l.error_message, l.attempts,
       (extract(epoch FROM l.failed_at) * 1000)::bigint, l.worker
  FROM (SELECT source_topic, source_partition, source_offset FROM keystrand.dead_letters WHERE event_id = $1
        UNION SELECT $2, $3::integer, $4::bigint) k
  JOIN keystrand.dead_letters l USING (source_topic, source_partition, source_offset)
 ORDER BY l.source_topic, l.source_partition, l.source_offset)"};

constexpr Statement kAttempts{"history_attempts", R"(
SELECT cycle, stage, error_code, error_message, attempts, (extract(epoch FROM failed_at) * 1000)::bigint, worker
  FROM keystrand.dead_letter_attempts
 WHERE source_topic = $1 AND source_partition = $2::integer AND source_offset = $3::bigint AND cycle < $4::integer
 ORDER BY cycle)"};

constexpr Statement kParked{"history_parked", R"(
SELECT p.topic, p."partition", p."offset", p.scope, p.ordering_key, p.status, p.attempts,
       (extract(epoch FROM p.next_attempt_at) * 1000)::bigint, p.last_error, s.state, s.reason,
       (extract(epoch FROM s.since) * 1000)::bigint
  FROM (SELECT topic, "partition", "offset" FROM keystrand.parked_events WHERE event_id = $1
        UNION SELECT $2, $3::integer, $4::bigint) k
  JOIN keystrand.parked_events p USING (topic, "partition", "offset")
  LEFT JOIN keystrand.strands s
    ON s.topic = p.topic AND s."partition" = p."partition" AND s.ordering_key = p.ordering_key
 ORDER BY p.topic, p."partition", p."offset")"};

constexpr Statement kActions{"history_actions", R"(
SELECT (extract(epoch FROM acted_at) * 1000)::bigint, actor, action, reason, replay_id
  FROM keystrand.operator_actions WHERE subject @> jsonb_build_object('event_id', $1::text) ORDER BY id)"};

constexpr Statement kPayload{"history_payload", R"(
SELECT payload FROM keystrand.dead_letters
 WHERE source_topic = $1 AND source_partition = $2::integer AND source_offset = $3::bigint
UNION ALL
SELECT payload FROM keystrand.parked_events
 WHERE topic = $1 AND "partition" = $2::integer AND "offset" = $3::bigint LIMIT 1)"};

std::optional<std::int64_t> Optional(const Rows& rows, std::size_t row, int column) {
  return rows.IsNull(row, column) ? std::nullopt : std::optional(rows.Int(row, column));
}

std::string Text(const Rows& rows, std::size_t row, int column) { return std::string(rows.Text(row, column)); }

/// Topic, partition and offset, in three columns from `column` on.
SourcePosition PositionAt(const Rows& rows, std::size_t row, int column) {
  return {Text(rows, row, column), static_cast<std::int32_t>(rows.Int(row, column + 1)), rows.Int(row, column + 2)};
}

/// The seven columns of an attempt, from `column` on.
LetterAttempt AttemptAt(const Rows& rows, std::size_t row, int column) {
  return {static_cast<int>(rows.Int(row, column)),
          Text(rows, row, column + 1),
          Text(rows, row, column + 2),
          Text(rows, row, column + 3),
          static_cast<int>(rows.Int(row, column + 4)),
          rows.Int(row, column + 5),
          Text(rows, row, column + 6)};
}

SettledEvent SettledAt(const Rows& rows, std::size_t row, const std::string& event_id) {
  SettledEvent event;
  event.key = {Text(rows, row, 0), event_id};
  event.event_type = rows.Text(row, 1);
  event.ordering_key = rows.Text(row, 2);
  event.object_type = rows.Text(row, 3);
  event.object_id = rows.Text(row, 4);
  event.api_version = rows.Text(row, 5);
  event.created_at_ms = rows.Int(row, 6);
  event.received_at_ms = rows.Int(row, 7);
  event.source = PositionAt(rows, row, 8);
  event.replay_id = rows.Text(row, 11);
  event.status = rows.Text(row, 12);
  event.reason = rows.Text(row, 13);
  event.attempts = static_cast<int>(rows.Int(row, 14));
  event.error_code = rows.Text(row, 15);
  event.settled_at_ms = rows.Int(row, 16);
  if (!rows.IsNull(row, 17)) {
    event.object = {Text(rows, row, 17), Text(rows, row, 18), Text(rows, row, 19), Text(rows, row, 20),
                    rows.Int(row, 21),   rows.Flag(row, 22),  rows.Flag(row, 23)};
  }
  return event;
}

Result<LetterState> LetterAt(Transaction& transaction, const Rows& rows, std::size_t row) {
  LetterState letter;
  letter.source = PositionAt(rows, row, 0);
  letter.scope = rows.Text(row, 3);
  letter.event_id = rows.Text(row, 4);
  letter.event_type = rows.Text(row, 5);
  letter.ordering_key = rows.Text(row, 6);
  letter.status = rows.Text(row, 7);
  letter.replay_id = rows.Text(row, 8);
  letter.fingerprint = rows.Text(row, 9);
  letter.first_failed_at_ms = rows.Int(row, 10);
  letter.published_at_ms = Optional(rows, row, 11);
  letter.last = AttemptAt(rows, row, 12);
  Params params;
  params.Add(letter.source.topic).Add(letter.source.partition).Add(letter.source.offset).Add(letter.last.cycle);
  const auto attempts = transaction.Run(kAttempts, params);
  if (!attempts) return Fail(attempts.error());
  for (std::size_t i = 0; i < attempts->size(); ++i) letter.earlier.push_back(AttemptAt(*attempts, i, 0));
  return letter;
}

ParkedEvent ParkedAt(const Rows& rows, std::size_t row) {
  ParkedEvent parked;
  parked.source = PositionAt(rows, row, 0);
  parked.scope = rows.Text(row, 3);
  parked.ordering_key = rows.Text(row, 4);
  parked.status = rows.Text(row, 5);
  parked.attempts = static_cast<int>(rows.Int(row, 6));
  parked.next_attempt_at_ms = Optional(rows, row, 7);
  parked.last_error = rows.Text(row, 8);
  parked.strand_state = rows.Text(row, 9);
  parked.strand_reason = rows.Text(row, 10);
  parked.strand_since_ms = Optional(rows, row, 11);
  return parked;
}

PastAction ActionAt(const Rows& rows, std::size_t row) {
  return {rows.Int(row, 0), Text(rows, row, 1), Text(rows, row, 2), Text(rows, row, 3), Text(rows, row, 4)};
}

}  // namespace

Result<EventHistory> ReadEventHistory(Transaction& transaction, const EventQuery& query) {
  EventHistory history;
  Params by_id;
  by_id.Add(query.id);
  Params by_position;
  by_position.Add(query.id);
  if (query.source) {
    by_position.Add(query.source->topic).Add(query.source->partition).Add(query.source->offset);
  } else {
    by_position.AddNull().AddNull().AddNull();
  }
  const auto settled = transaction.Run(kSettled, by_id);
  if (!settled) return Fail(settled.error());
  for (std::size_t i = 0; i < settled->size(); ++i) history.settled.push_back(SettledAt(*settled, i, query.id));
  const auto letters = transaction.Run(kLetters, by_position);
  if (!letters) return Fail(letters.error());
  for (std::size_t i = 0; i < letters->size(); ++i) {
    auto letter = LetterAt(transaction, *letters, i);
    if (!letter) return Fail(letter.error());
    history.letters.push_back(std::move(*letter));
  }
  const auto parked = transaction.Run(kParked, by_position);
  if (!parked) return Fail(parked.error());
  for (std::size_t i = 0; i < parked->size(); ++i) history.parked.push_back(ParkedAt(*parked, i));
  const auto actions = transaction.Run(kActions, by_id);
  if (!actions) return Fail(actions.error());
  for (std::size_t i = 0; i < actions->size(); ++i) history.actions.push_back(ActionAt(*actions, i));
  return history;
}

Result<std::optional<std::string>> FindPayload(Transaction& transaction, const SourcePosition& source) {
  Params params;
  params.Add(source.topic).Add(source.partition).Add(source.offset);
  const auto rows = transaction.Run(kPayload, params);
  if (!rows) return Fail(rows.error());
  if (rows->size() == 0) return std::optional<std::string>();
  return std::optional(FromBytea(rows->Text(0, 0)));
}

}  // namespace keystrand::worker::store
