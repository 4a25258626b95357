#include "worker/store/inbox.h"

#include <array>
#include <cstdlib>
#include <utility>

namespace keystrand::worker::store {
namespace {

constexpr std::array kStatusNames = {"applied", "stale", "ignored", "parked", "dead", "replaying", "discarded"};

constexpr Statement kKnown{"inbox_known", R"(
SELECT i.scope, i.event_id, i.status, i.source_topic, i.source_partition, i.source_offset, i.replay_id
  FROM unnest($1::text[], $2::text[]) AS k(scope, event_id)
  JOIN keystrand.inbox i ON i.scope = k.scope AND i.event_id = k.event_id)"};

/// settled_at is the time of the transaction. A default that is asked anew for each row would keep the server from
/// taking rows a page at a time.
constexpr NewRowsStatement kInsert{{"inbox_insert", R"(
INSERT INTO keystrand.inbox (scope, event_id, event_type, ordering_key, object_type, object_id, api_version, event_created,
    received_at, source_topic, source_partition, source_offset, replay_id, status, reason, attempts, error_code)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                     $8::timestamptz[], $9::timestamptz[], $10::text[], $11::integer[], $12::bigint[], $13::text[],
                     $14::text[], $15::text[], $16::integer[], $17::text[]))",
                                    kTakenKey},
                                   R"(
COPY keystrand.inbox (scope, event_id, event_type, ordering_key, object_type, object_id, api_version, event_created,
    received_at, source_topic, source_partition, source_offset, replay_id, status, reason, attempts, error_code)
FROM STDIN (FORMAT binary))",
                                   17};

constexpr Statement kUpdate{"inbox_update", R"(
UPDATE keystrand.inbox i
   SET status = u.status, reason = nullif(u.reason, ''), attempts = u.attempts, error_code = nullif(u.error_code, ''),
       settled_at = clock_timestamp()
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::text[])
         AS u(scope, event_id, status, reason, attempts, error_code)
 WHERE i.scope = u.scope AND i.event_id = u.event_id AND i.status IN ('parked', 'replaying'))"};

InboxStatus StatusOf(std::string_view name) {
  for (std::size_t i = 0; i < kStatusNames.size(); ++i) {
    if (kStatusNames[i] == name) return static_cast<InboxStatus>(i);
  }
  std::abort();  // the table's check constraint allows no other
}

}  // namespace

std::string_view NameOf(InboxStatus status) { return kStatusNames[static_cast<std::size_t>(status)]; }

void FindKnown(Transaction& transaction, const std::vector<EventKeyView>& keys, std::vector<KnownEvent>& known) {
  if (keys.empty()) return;
  Params params;
  params.Add(ArrayOf(keys, [](const auto& key) { return key.scope; })).Add(ArrayOf(keys, [](const auto& key) {
    return key.event_id;
  }));
  transaction.Defer(kKnown, std::move(params), [&known](const Rows& rows) -> Result<> {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      known.push_back({{std::string(rows.Text(i, 0)), std::string(rows.Text(i, 1))},
                       StatusOf(rows.Text(i, 2)),
                       {std::string(rows.Text(i, 3)), static_cast<std::int32_t>(rows.Int(i, 4)), rows.Int(i, 5)},
                       std::string(rows.Text(i, 6))});
    }
    return {};
  });
}

Result<> InsertInbox(Transaction& transaction, const std::vector<InboxRow>& rows) {
  if (rows.empty()) return {};
  auto inserted = transaction.NewRowsOf(kInsert, rows.size());
  for (const auto& row : rows) {
    inserted.Text(row.key.scope)
        .Text(row.key.event_id)
        .Text(row.event_type)
        .Text(row.ordering_key)
        .TextOrNull(row.object_type)
        .Text(row.object_id)
        .TextOrNull(row.api_version)
        .UnixSeconds(row.event_created)
        .UnixMilliseconds(row.received_at_ms)
        .Text(row.source_topic)
        .Integer(row.source_partition)
        .Bigint(row.source_offset)
        .TextOrNull(row.replay_id)
        .Text(NameOf(row.status))
        .TextOrNull(row.reason)
        .Integer(row.attempts)
        .TextOrNull(row.error_code);
  }
  return transaction.Insert(kInsert, std::move(inserted));
}

Result<std::size_t> UpdateInbox(Transaction& transaction, const std::vector<InboxRow>& rows) {
  if (rows.empty()) return std::size_t{0};
  Params params;
  params.Add(ArrayOf(rows, [](const auto& row) { return row.key.scope; }))
      .Add(ArrayOf(rows, [](const auto& row) { return row.key.event_id; }))
      .Add(ArrayOf(rows, [](const auto& row) { return NameOf(row.status); }))
      .Add(ArrayOf(rows, [](const auto& row) { return row.reason; }))
      .Add(ArrayOf(rows, [](const auto& row) { return row.attempts; }))
      .Add(ArrayOf(rows, [](const auto& row) { return row.error_code; }));
  const auto updated = transaction.Run(kUpdate, params);
  if (!updated) return Fail(updated.error());
  return updated->affected();
}

}  // namespace keystrand::worker::store
