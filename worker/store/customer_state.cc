#include "worker/store/customer_state.h"

#include <algorithm>
#include <utility>

namespace keystrand::worker::store {
namespace {

/// Scopes are found by skipping from one to the next, as event_history.cc does.
constexpr Statement kKeys{"customer_keys", R"(
WITH RECURSIVE scopes(scope) AS (
  (SELECT i.scope FROM keystrand.inbox i ORDER BY i.scope LIMIT 1)
  UNION ALL
  SELECT (SELECT i.scope FROM keystrand.inbox i WHERE i.scope > s.scope ORDER BY i.scope LIMIT 1)
    FROM scopes s WHERE s.scope IS NOT NULL)
SELECT scope || '/' || $1 AS ordering_key FROM scopes WHERE scope IS NOT NULL
UNION
SELECT ordering_key FROM keystrand.strands WHERE split_part(ordering_key, '/', 3) = $1
UNION
SELECT ordering_key FROM keystrand.dead_letters WHERE split_part(ordering_key, '/', 3) = $1
ORDER BY ordering_key)"};

constexpr Statement kStrands{"customer_strands", R"(
SELECT s.topic, s."partition", s.ordering_key, s.state, s.reason, (extract(epoch FROM s.since) * 1000)::bigint,
       h."offset", h.event_id, h.event_type, h.status, h.attempts, (extract(epoch FROM h.next_attempt_at) * 1000)::bigint,
       h.last_error,
       (SELECT count(*) FROM keystrand.parked_events p
         WHERE p.topic = s.topic AND p."partition" = s."partition" AND p.ordering_key = s.ordering_key
           AND p."offset" > h."offset")
  FROM keystrand.strands s
  LEFT JOIN LATERAL (
    SELECT p."offset", p.event_id, p.status, p.attempts, p.next_attempt_at, p.last_error,
           (SELECT e.value ->> 1 FROM jsonb_array_elements(CASE jsonb_typeof(p.headers) WHEN 'array' THEN p.headers
                                                                ELSE '[]'::jsonb END) AS e(value)
             WHERE e.value ->> 0 = 'event-type' LIMIT 1) AS event_type
      FROM keystrand.parked_events p
     WHERE p.topic = s.topic AND p."partition" = s."partition" AND p.ordering_key = s.ordering_key
     ORDER BY p."offset" LIMIT 1) h ON true
 WHERE s.ordering_key = ANY ($1::text[]))"};

constexpr Statement kMirrored{"customer_mirrored", R"(
SELECT k.ordering_key
  FROM unnest($1::text[]) AS k(ordering_key)
  JOIN stripe.objects o
    ON o.scope = split_part(k.ordering_key, '/', 1) || '/' || split_part(k.ordering_key, '/', 2)
   AND o.object = 'customer' AND o.id = split_part(k.ordering_key, '/', 3))"};

/// now(), since with a volatile clock the BRIN index on settled_at is of no use.
constexpr Statement kSettled{"customer_settled", R"(
SELECT ordering_key, event_id, event_type, status, reason, (extract(epoch FROM settled_at) * 1000)::bigint
  FROM (SELECT i.*, row_number() OVER (PARTITION BY i.ordering_key ORDER BY i.settled_at DESC, i.source_offset DESC) AS nth
          FROM keystrand.inbox i
         WHERE i.settled_at > now() - make_interval(secs => $2::integer) AND i.ordering_key = ANY ($1::text[])) i
 WHERE nth <= $3::integer ORDER BY ordering_key, nth)"};

std::optional<std::int64_t> Optional(const Rows& rows, std::size_t row, int column) {
  return rows.IsNull(row, column) ? std::nullopt : std::optional(rows.Int(row, column));
}

Params KeyParams(const std::vector<std::string>& keys) {
  Params params;
  params.Add(ArrayOf(
      keys, [](const auto& key) -> const auto& { return key; }));
  return params;
}

CustomerState* Find(std::vector<CustomerState>& customers, std::string_view key) {
  const auto found = std::find_if(customers.begin(), customers.end(),
                                  [&](const auto& customer) { return customer.ordering_key == key; });
  return found == customers.end() ? nullptr : &*found;
}

StrandHead HeadAt(const Rows& rows, std::size_t row) {
  StrandHead head;
  head.source = {std::string(rows.Text(row, 0)), static_cast<std::int32_t>(rows.Int(row, 1)), rows.Int(row, 6)};
  head.event_id = rows.Text(row, 7);
  head.event_type = rows.Text(row, 8);
  head.status = rows.Text(row, 9);
  head.attempts = static_cast<int>(rows.Int(row, 10));
  head.next_attempt_at_ms = Optional(rows, row, 11);
  head.last_error = rows.Text(row, 12);
  head.behind = rows.Int(row, 13);
  return head;
}

Result<> ReadStrands(Transaction& transaction, const std::vector<std::string>& keys,
                     std::vector<CustomerState>& customers) {
  const auto rows = transaction.Run(kStrands, KeyParams(keys));
  if (!rows) return Fail(rows.error());
  for (std::size_t i = 0; i < rows->size(); ++i) {
    auto* customer = Find(customers, rows->Text(i, 2));
    if (customer == nullptr) continue;
    customer->strand = {std::string(rows->Text(i, 0)), static_cast<std::int32_t>(rows->Int(i, 1)),
                        std::string(rows->Text(i, 2)), std::string(rows->Text(i, 3)),
                        std::string(rows->Text(i, 4)), rows->Int(i, 5)};
    if (!rows->IsNull(i, 6)) customer->head = HeadAt(*rows, i);
  }
  return {};
}

Result<> ReadLetters(Transaction& transaction, CustomerState& customer) {
  for (const char* status : {"open", "replaying"}) {
    LetterFilter filter;
    filter.ordering_key = customer.ordering_key;
    filter.status = status;
    auto letters = FindLetters(transaction, filter);
    if (!letters) return Fail(letters.error());
    for (auto& letter : *letters) customer.open_letters.push_back(std::move(letter));
  }
  std::sort(customer.open_letters.begin(), customer.open_letters.end(),
            [](const auto& a, const auto& b) { return a.source < b.source; });
  return {};
}

}  // namespace

Result<std::vector<std::string>> KeysOfId(Transaction& transaction, const std::string& id) {
  Params params;
  params.Add(id);
  const auto rows = transaction.Run(kKeys, params);
  if (!rows) return Fail(rows.error());
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < rows->size(); ++i) keys.emplace_back(rows->Text(i, 0));
  return keys;
}

Result<std::vector<CustomerState>> ReadCustomers(Transaction& transaction, const std::vector<std::string>& keys) {
  std::vector<CustomerState> customers;
  for (const auto& key : keys) customers.push_back({key, {}, {}, {}, {}, false});
  if (auto read = ReadStrands(transaction, keys, customers); !read) return Fail(read.error());
  for (auto& customer : customers) {
    if (auto read = ReadLetters(transaction, customer); !read) return Fail(read.error());
  }
  const auto mirrored = transaction.Run(kMirrored, KeyParams(keys));
  if (!mirrored) return Fail(mirrored.error());
  for (std::size_t i = 0; i < mirrored->size(); ++i) {
    if (auto* customer = Find(customers, mirrored->Text(i, 0))) customer->in_mirror = true;
  }
  return customers;
}

Result<std::vector<SettledLately>> ReadSettledLately(Transaction& transaction, const std::vector<std::string>& keys,
                                                     std::chrono::seconds window, int limit) {
  Params params = KeyParams(keys);
  params.Add(static_cast<std::int64_t>(window.count())).Add(limit);
  const auto rows = transaction.Run(kSettled, params);
  if (!rows) return Fail(rows.error());
  std::vector<SettledLately> settled;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    settled.push_back({std::string(rows->Text(i, 0)), std::string(rows->Text(i, 1)), std::string(rows->Text(i, 2)),
                       std::string(rows->Text(i, 3)), std::string(rows->Text(i, 4)), rows->Int(i, 5)});
  }
  return settled;
}

}  // namespace keystrand::worker::store
