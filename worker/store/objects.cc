#include "worker/store/objects.h"

#include <optional>
#include <utility>

namespace keystrand::worker::store {
namespace {

constexpr Statement kLoad{"objects_load", R"(
SELECT o.scope, o.object, o.id, extract(epoch FROM o.event_created)::bigint, o.terminal, o.deleted, o.event_id,
       o.event_type, o.api_version,
       o.event_created BETWEEN to_timestamp(k.oldest) AND to_timestamp(k.newest),
       CASE WHEN o.event_created BETWEEN to_timestamp(k.oldest) AND to_timestamp(k.newest) THEN o.data::text END,
       CASE WHEN o.event_created BETWEEN to_timestamp(k.oldest) AND to_timestamp(k.newest) AND o.candidates IS NOT NULL
            THEN ARRAY(SELECT unnest(ARRAY[c ->> 'event_id', c ->> 'event_type', c ->> 'api_version',
                                           (c -> 'previous_attributes')::text,
                                           CASE WHEN c -> 'differs' = '{}' AND NOT c ? 'lacks' THEN 'shown'
                                                WHEN c ? 'differs'
                                                THEN (o.data - ARRAY(SELECT jsonb_array_elements_text(c -> 'lacks'))
                                                      || (c -> 'differs'))::text
                                                ELSE (c -> 'data')::text END])
                         FROM jsonb_array_elements(o.candidates) AS c) END
  FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[]) WITH ORDINALITY
         AS k(scope, object, id, oldest, newest, position)
  JOIN stripe.objects o ON o.scope = k.scope AND o.object = k.object AND o.id = k.id
 ORDER BY k.position FOR UPDATE OF o)"};

/// A row that is not there any more, or not with the version that is known, is a division by zero.
constexpr Statement kUpdate{"objects_update", R"(
WITH written AS (
UPDATE stripe.objects o
   SET data = u.data::jsonb, api_version = nullif(u.api_version, ''), event_id = u.event_id, event_type = u.event_type,
       event_created = to_timestamp(u.event_created), candidates = u.candidates::jsonb, terminal = u.terminal,
       deleted = u.deleted
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
              $9::text[], $10::boolean[], $11::boolean[], $12::text[])
         AS u(scope, object, id, data, api_version, event_id, event_type, event_created, candidates, terminal, deleted,
              version)
 WHERE o.scope = u.scope AND o.object = u.object AND o.id = u.id AND o.xmin = coalesce(u.version::xid, o.xmin)
RETURNING 1)
SELECT 1 / (count(*) = cardinality($1))::integer, pg_current_xact_id()::xid FROM written)",
                            "22012"};

constexpr NewRowsStatement kInsert{{"objects_insert", R"(
INSERT INTO stripe.objects (scope, object, id, data, api_version, event_id, event_type, event_created, candidates, terminal,
    deleted)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::text[], $7::text[],
                     $8::timestamptz[], $9::jsonb[], $10::boolean[], $11::boolean[]))",
                                    kTakenKey},
                                   R"(
COPY stripe.objects (scope, object, id, data, api_version, event_id, event_type, event_created, candidates, terminal,
    deleted)
FROM STDIN (FORMAT binary))",
                                   11};

/// Ranks as handlers::Rank orders them. A row that has the same or a higher one is a division by zero.
constexpr Statement kReplace{"objects_replace", R"(
WITH written AS (
INSERT INTO stripe.objects AS o (scope, object, id, data, api_version, event_id, event_type, event_created, candidates,
    terminal, deleted)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::jsonb[], $5::text[], $6::text[], $7::text[],
                     $8::timestamptz[], $9::jsonb[], $10::boolean[], $11::boolean[])
ON CONFLICT (scope, object, id) DO UPDATE
  SET data = excluded.data, api_version = excluded.api_version, event_id = excluded.event_id,
      event_type = excluded.event_type, event_created = excluded.event_created, candidates = excluded.candidates,
      terminal = excluded.terminal, deleted = excluded.deleted
  WHERE (o.deleted, o.terminal, o.event_created) < (excluded.deleted, excluded.terminal, excluded.event_created)
RETURNING 1)
SELECT 1 / (count(*) = cardinality($1))::integer, pg_current_xact_id()::xid FROM written)",
                             "22012"};

std::optional<std::string_view> NullIfEmpty(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

std::function<void(const Rows&)> VersionInto(std::string& written) {
  return [&written](const Rows& rows) { written = rows.Text(0, 1); };
}

Params RowParams(const std::vector<const ObjectRow*>& rows, const Versions& known) {
  const auto column = [&](auto project) { return ArrayOf(rows, [&](const auto* row) { return project(*row); }); };
  Params params;
  params.Add(column([](const auto& row) { return row.key.scope; }))
      .Add(column([](const auto& row) { return row.key.object; }))
      .Add(column([](const auto& row) { return row.key.id; }))
      .Add(column([](const auto& row) { return NullIfEmpty(row.shown.data); }))
      .Add(column([](const auto& row) { return row.shown.api_version; }))
      .Add(column([](const auto& row) { return row.shown.event_id; }))
      .Add(column([](const auto& row) { return row.shown.event_type; }))
      .Add(column([](const auto& row) { return row.event_created; }))
      .Add(column([](const auto& row) {
        auto json = CandidatesJson(row.candidates, row.shown);
        return json.empty() ? std::nullopt : std::optional(std::move(json));
      }))
      .Add(column([](const auto& row) { return row.terminal; }))
      .Add(column([](const auto& row) { return row.deleted; }))
      .Add(column([&](const auto& row) {
        const auto version = known.find(row.key);
        return version == known.end() ? std::nullopt : std::optional(version->second);
      }));
  return params;
}

NewRows Filled(NewRows fresh, const std::vector<const ObjectRow*>& rows) {
  for (const auto* row : rows) {
    fresh.Text(row->key.scope)
        .Text(row->key.object)
        .Text(row->key.id)
        .JsonbOrNull(row->shown.data)
        .TextOrNull(row->shown.api_version)
        .Text(row->shown.event_id)
        .Text(row->shown.event_type)
        .UnixSeconds(row->event_created)
        .JsonbOrNull(CandidatesJson(row->candidates, row->shown))
        .Boolean(row->terminal)
        .Boolean(row->deleted);
  }
  return fresh;
}

}  // namespace

Result<LoadedObjects> LoadObjects(Transaction& transaction, const std::vector<ObjectNeed>& needs) {
  LoadedObjects loaded;
  if (needs.empty()) {
    if (auto flushed = transaction.Flush(); !flushed) return Fail(flushed.error());
    return loaded;
  }
  Params params;
  params.Add(ArrayOf(needs, [](const auto& need) { return need.key.scope; }))
      .Add(ArrayOf(needs, [](const auto& need) { return need.key.object; }))
      .Add(ArrayOf(needs, [](const auto& need) { return need.key.id; }))
      .Add(ArrayOf(needs, [](const auto& need) { return need.oldest; }))
      .Add(ArrayOf(needs, [](const auto& need) { return need.newest; }));
  auto result = transaction.Run(kLoad, params);
  if (!result) return Fail(result.error());
  const Rows& rows = loaded.result.emplace(*std::move(result));
  loaded.rows.reserve(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ObjectRow& row = loaded.rows.emplace_back();
    row.key = {rows.Text(i, 0), rows.Text(i, 1), rows.Text(i, 2)};
    row.event_created = rows.Int(i, 3);
    row.terminal = rows.Flag(i, 4);
    row.deleted = rows.Flag(i, 5);
    row.shown.event_id = rows.Text(i, 6);
    row.shown.event_type = rows.Text(i, 7);
    row.shown.api_version = rows.Text(i, 8);
    if (!rows.Flag(i, 9)) continue;
    row.shown.data = rows.Text(i, 10);
    row.candidates = CandidatesFrom(loaded.candidates.emplace_front(ParseTextArray(rows.Text(i, 11))), row.shown);
  }
  return loaded;
}

std::string_view TableOf(const Error& error) {
  return std::string_view(error.detail).starts_with("objects_") ? "stripe.objects" : "";
}

Result<> UpdateObjects(Transaction& transaction, const std::vector<const ObjectRow*>& rows, const Versions& known,
                       std::string& written) {
  return rows.empty() ? Result<>{} : transaction.Write(kUpdate, RowParams(rows, known), VersionInto(written));
}

Result<> InsertObjects(Transaction& transaction, const std::vector<const ObjectRow*>& rows) {
  if (rows.empty()) return {};
  return transaction.Insert(kInsert, Filled(transaction.NewRowsOf(kInsert, rows.size()), rows));
}

Result<> ReplaceObjects(Transaction& transaction, const std::vector<const ObjectRow*>& rows, std::string& written) {
  if (rows.empty()) return {};
  return transaction.Write(kReplace, Filled(NewRows(kInsert, false), rows).TakeParams(), VersionInto(written));
}

}  // namespace keystrand::worker::store
