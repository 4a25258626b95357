#include "worker/store/parking.h"

#include <array>
#include <cstdlib>

#include "common/core/utf8.h"

namespace keystrand::worker::store {
namespace {

constexpr std::array<std::string_view, 4> kReasonNames = {"retry", "hold", "breaker", "operator"};

constexpr Statement kFindStrands{"strands_find", R"(
SELECT s."partition", s.ordering_key, s.reason FROM keystrand.strands s
 WHERE s.topic = $1 AND s."partition" = ANY ($2::integer[])
 ORDER BY s."partition", s.ordering_key)"};

constexpr Statement kLock{"strands_lock", R"(
SELECT s."partition", s.ordering_key, s.reason
  FROM unnest($2::integer[], $3::text[]) WITH ORDINALITY AS k("partition", ordering_key, position)
  JOIN keystrand.strands s ON s.topic = $1 AND s."partition" = k."partition" AND s.ordering_key = k.ordering_key
 ORDER BY k.position FOR UPDATE OF s)"};

/// In a statement of its own, so that it sees what the last holder of the lock committed.
constexpr Statement kHeads{"parked_heads", R"(
SELECT k."partition", k.ordering_key, h."offset", h.attempts, h.status = 'held'
  FROM unnest($2::integer[], $3::text[]) AS k("partition", ordering_key)
 CROSS JOIN LATERAL (SELECT p."offset", p.attempts, p.status FROM keystrand.parked_events p
                      WHERE p.topic = $1 AND p."partition" = k."partition" AND p.ordering_key = k.ordering_key
                      ORDER BY p."offset" LIMIT 1) AS h)"};

constexpr Statement kSave{"strands_save", R"(
INSERT INTO keystrand.strands AS s (topic, "partition", ordering_key, state, reason, since)
SELECT $1, u."partition", u.ordering_key, CASE u.reason WHEN 'hold' THEN 'held' ELSE 'parked' END, u.reason,
       clock_timestamp()
  FROM unnest($2::integer[], $3::text[], $4::text[]) AS u("partition", ordering_key, reason)
ON CONFLICT (topic, "partition", ordering_key) DO UPDATE
  SET state = excluded.state, reason = excluded.reason,
      since = CASE s.reason WHEN excluded.reason THEN s.since ELSE excluded.since END)"};

constexpr Statement kAppend{"parked_append", R"(
INSERT INTO keystrand.parked_events (topic, "partition", "offset", scope, event_id, ordering_key, headers, payload, status,
                                     attempts, next_attempt_at, last_error, record_timestamp)
SELECT $1, u."partition", u."offset", u.scope, u.event_id, u.ordering_key,
       (SELECT coalesce(jsonb_agg(jsonb_build_array(f.flat[2 * i - 1], f.flat[2 * i]) ORDER BY i), '[]')
          FROM (SELECT u.headers::text[] AS flat) AS f, generate_series(1, cardinality(f.flat) / 2) AS i),
       u.payload::bytea, u.status, u.attempts, clock_timestamp() + u.wait_ms * interval '1 millisecond', nullif(u.last_error, ''),
       CASE WHEN u.timestamp_ms >= 0 THEN to_timestamp(u.timestamp_ms / 1000.0) END
  FROM unnest($2::integer[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
              $10::integer[], $11::bigint[], $12::text[], $13::bigint[])
         AS u("partition", "offset", scope, event_id, ordering_key, headers, payload, status, attempts, wait_ms, last_error,
              timestamp_ms)
ON CONFLICT DO NOTHING)"};

constexpr Statement kUpdate{"parked_update", R"(
UPDATE keystrand.parked_events p
   SET status = u.status, attempts = u.attempts,
       next_attempt_at = clock_timestamp() + u.wait_ms * interval '1 millisecond', last_error = nullif(u.last_error, '')
  FROM unnest($2::integer[], $3::bigint[], $4::text[], $5::integer[], $6::bigint[], $7::text[])
         AS u("partition", "offset", status, attempts, wait_ms, last_error)
 WHERE p.topic = $1 AND p."partition" = u."partition" AND p."offset" = u."offset")"};

constexpr Statement kRemove{"parked_remove", R"(
DELETE FROM keystrand.parked_events p USING unnest($2::integer[], $3::bigint[]) AS u("partition", "offset")
 WHERE p.topic = $1 AND p."partition" = u."partition" AND p."offset" = u."offset")"};

constexpr Statement kMakeNextDue{"parked_next_due", R"(
UPDATE keystrand.parked_events p SET next_attempt_at = clock_timestamp()
  FROM unnest($2::integer[], $3::text[]) AS k("partition", ordering_key)
 CROSS JOIN LATERAL (SELECT n."offset", n.status, n.next_attempt_at FROM keystrand.parked_events n
                      WHERE n.topic = $1 AND n."partition" = k."partition" AND n.ordering_key = k.ordering_key
                      ORDER BY n."offset" LIMIT 1) AS head
 WHERE p.topic = $1 AND p."partition" = k."partition" AND p."offset" = head."offset" AND head.status = 'waiting'
   AND head.next_attempt_at IS NULL)"};

constexpr Statement kFree{"strands_free", R"(
DELETE FROM keystrand.strands s USING unnest($2::integer[], $3::text[]) AS k("partition", ordering_key)
 WHERE s.topic = $1 AND s."partition" = k."partition" AND s.ordering_key = k.ordering_key
   AND NOT EXISTS (SELECT FROM keystrand.parked_events p
                    WHERE p.topic = $1 AND p."partition" = k."partition" AND p.ordering_key = k.ordering_key)
RETURNING s."partition", s.ordering_key, s.reason)"};

constexpr Statement kDue{"parked_due", R"(
SELECT e."partition", e."offset", e.ordering_key, e.scope, e.event_id, e.payload, e.status = 'held', e.attempts,
       coalesce((extract(epoch FROM e.record_timestamp) * 1000)::bigint, -1),
       ARRAY(SELECT h.value ->> 0 FROM jsonb_array_elements(e.headers) WITH ORDINALITY AS h(value, position)
              ORDER BY h.position),
       ARRAY(SELECT h.value ->> 1 FROM jsonb_array_elements(e.headers) WITH ORDINALITY AS h(value, position)
              ORDER BY h.position)
  FROM (SELECT p."partition", p.ordering_key FROM keystrand.parked_events p
         WHERE p.topic = $1 AND p."partition" = ANY ($2::integer[]) AND p.next_attempt_at <= clock_timestamp()
         ORDER BY p.next_attempt_at LIMIT $3::integer) AS d
 CROSS JOIN LATERAL (SELECT * FROM keystrand.parked_events p
                      WHERE p.topic = $1 AND p."partition" = d."partition" AND p.ordering_key = d.ordering_key
                      ORDER BY p."offset" LIMIT $4::integer) AS e
 ORDER BY e."partition", e.ordering_key, e."offset")"};

constexpr Statement kCount{"parked_count", R"(
SELECT p."partition", count(*) FROM keystrand.parked_events p
 WHERE p.topic = $1 AND p."partition" = ANY ($2::integer[]) GROUP BY p."partition")"};

StrandReason ReasonOf(std::string_view name) {
  for (std::size_t i = 0; i < kReasonNames.size(); ++i) {
    if (kReasonNames[i] == name) return static_cast<StrandReason>(i);
  }
  std::abort();  // the table's check constraint allows no other
}

std::vector<Strand> StrandsOf(const Rows& rows) {
  std::vector<Strand> strands;
  strands.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    strands.push_back(
        {static_cast<std::int32_t>(rows.Int(i, 0)), std::string(rows.Text(i, 1)), ReasonOf(rows.Text(i, 2))});
  }
  return strands;
}

Params PartitionParams(const std::string& topic, const std::vector<std::int32_t>& partitions) {
  Params params;
  params.Add(topic).Add(ArrayOf(partitions, [](std::int32_t partition) { return partition; }));
  return params;
}

Params StrandParams(const std::string& topic, const std::vector<Strand>& strands) {
  Params params;
  params.Add(topic)
      .Add(ArrayOf(strands, [](const auto& strand) { return strand.partition; }))
      .Add(ArrayOf(
          strands, [](const auto& strand) -> const auto& { return strand.key; }));
  return params;
}

std::string_view StatusOf(const ParkedEvent& event) { return event.held ? "held" : "waiting"; }

std::optional<std::int64_t> WaitMs(const ParkedEvent& event) {
  return event.wait ? std::optional<std::int64_t>(event.wait->count()) : std::nullopt;
}

/// Name, value, name, value, …: kAppend makes [[name, value], …] of it.
std::string Flat(const std::vector<HeaderText>& headers) {
  std::vector<std::string> printable;
  for (const auto& header : headers) {
    printable.push_back(Printable(header.name));
    printable.push_back(Printable(header.value));
  }
  return TextArray({printable.begin(), printable.end()});
}

Result<> Done(const Result<Rows>& rows) {
  if (!rows) return Fail(rows.error());
  return {};
}

}  // namespace

std::string_view NameOf(StrandReason reason) { return kReasonNames[static_cast<std::size_t>(reason)]; }

Result<std::vector<Strand>> FindStrands(Transaction& transaction, const std::string& topic,
                                        const std::vector<std::int32_t>& partitions) {
  const auto rows = transaction.Run(kFindStrands, PartitionParams(topic, partitions));
  if (!rows) return Fail(rows.error());
  return StrandsOf(*rows);
}

Result<std::vector<LockedHead>> LockStrands(Transaction& transaction, const std::string& topic,
                                            const std::vector<Strand>& strands) {
  std::vector<LockedHead> heads;
  if (strands.empty()) return heads;
  const auto locked = transaction.Run(kLock, StrandParams(topic, strands));
  if (!locked) return Fail(locked.error());
  const auto found = StrandsOf(*locked);
  const auto rows = transaction.Run(kHeads, StrandParams(topic, found));
  if (!rows) return Fail(rows.error());
  for (const auto& strand : found) heads.push_back({strand});
  for (std::size_t i = 0; i < rows->size(); ++i) {
    for (auto& head : heads) {
      if (head.strand.partition != rows->Int(i, 0) || head.strand.key != rows->Text(i, 1)) continue;
      head.offset = rows->Int(i, 2);
      head.attempts = static_cast<int>(rows->Int(i, 3));
      head.held = rows->Flag(i, 4);
    }
  }
  return heads;
}

Result<> SaveStrands(Transaction& transaction, const std::string& topic, const std::vector<Strand>& strands) {
  if (strands.empty()) return {};
  auto params = StrandParams(topic, strands);
  params.Add(ArrayOf(strands, [](const auto& strand) { return NameOf(strand.reason); }));
  return Done(transaction.Run(kSave, params));
}

Result<> AppendParked(Transaction& transaction, const std::string& topic, const std::vector<ParkedEvent>& events) {
  if (events.empty()) return {};
  Params params;
  params.Add(topic)
      .Add(ArrayOf(events, [](const auto& event) { return event.partition; }))
      .Add(ArrayOf(events, [](const auto& event) { return event.offset; }))
      .Add(ArrayOf(
          events, [](const auto& event) -> const auto& { return event.scope; }))
      .Add(ArrayOf(
          events, [](const auto& event) -> const auto& { return event.event_id; }))
      .Add(ArrayOf(
          events, [](const auto& event) -> const auto& { return event.key; }))
      .Add(ArrayOf(events, [](const auto& event) { return Flat(event.headers); }))
      .Add(ArrayOf(events, [](const auto& event) { return Bytea(event.payload); }))
      .Add(ArrayOf(events, StatusOf))
      .Add(ArrayOf(events, [](const auto& event) { return event.attempts; }))
      .Add(ArrayOf(events, WaitMs))
      .Add(ArrayOf(events, [](const auto& event) { return Printable(event.last_error); }))
      .Add(ArrayOf(events, [](const auto& event) { return event.record_timestamp_ms; }));
  return Done(transaction.Run(kAppend, params));
}

Result<> UpdateParked(Transaction& transaction, const std::string& topic, const std::vector<ParkedEvent>& events) {
  if (events.empty()) return {};
  Params params;
  params.Add(topic)
      .Add(ArrayOf(events, [](const auto& event) { return event.partition; }))
      .Add(ArrayOf(events, [](const auto& event) { return event.offset; }))
      .Add(ArrayOf(events, StatusOf))
      .Add(ArrayOf(events, [](const auto& event) { return event.attempts; }))
      .Add(ArrayOf(events, WaitMs))
      .Add(ArrayOf(events, [](const auto& event) { return Printable(event.last_error); }));
  return Done(transaction.Run(kUpdate, params));
}

Result<> RemoveParked(Transaction& transaction, const std::string& topic,
                      const std::vector<SourcePosition>& positions) {
  if (positions.empty()) return {};
  Params params;
  params.Add(topic)
      .Add(ArrayOf(positions, [](const auto& position) { return position.partition; }))
      .Add(ArrayOf(positions, [](const auto& position) { return position.offset; }));
  return Done(transaction.Run(kRemove, params));
}

Result<std::vector<Strand>> AdvanceStrands(Transaction& transaction, const std::string& topic,
                                           const std::vector<Strand>& strands) {
  if (strands.empty()) return std::vector<Strand>{};
  const auto params = StrandParams(topic, strands);
  if (auto due = Done(transaction.Run(kMakeNextDue, params)); !due) return Fail(due.error());
  const auto freed = transaction.Run(kFree, params);
  if (!freed) return Fail(freed.error());
  return StrandsOf(*freed);
}

Result<std::vector<ParkedEvent>> FindDue(Transaction& transaction, const std::string& topic,
                                         const std::vector<std::int32_t>& partitions, int strands_max, int events_max) {
  auto params = PartitionParams(topic, partitions);
  params.Add(strands_max).Add(events_max);
  const auto rows = transaction.Run(kDue, params);
  if (!rows) return Fail(rows.error());
  std::vector<ParkedEvent> events;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    ParkedEvent event;
    event.partition = static_cast<std::int32_t>(rows->Int(i, 0));
    event.offset = rows->Int(i, 1);
    event.key = rows->Text(i, 2);
    event.scope = rows->Text(i, 3);
    event.event_id = rows->Text(i, 4);
    event.payload = FromBytea(rows->Text(i, 5));
    event.held = rows->Flag(i, 6);
    event.attempts = static_cast<int>(rows->Int(i, 7));
    event.record_timestamp_ms = rows->Int(i, 8);
    const auto names = ParseTextArray(rows->Text(i, 9));
    const auto values = ParseTextArray(rows->Text(i, 10));
    for (std::size_t h = 0; h < names.size() && h < values.size(); ++h) event.headers.push_back({names[h], values[h]});
    events.push_back(std::move(event));
  }
  return events;
}

Result<std::vector<std::pair<std::int32_t, std::int64_t>>> CountParked(Transaction& transaction,
                                                                       const std::string& topic,
                                                                       const std::vector<std::int32_t>& partitions) {
  const auto rows = transaction.Run(kCount, PartitionParams(topic, partitions));
  if (!rows) return Fail(rows.error());
  std::vector<std::pair<std::int32_t, std::int64_t>> counts;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    counts.emplace_back(static_cast<std::int32_t>(rows->Int(i, 0)), rows->Int(i, 1));
  }
  return counts;
}

}  // namespace keystrand::worker::store
