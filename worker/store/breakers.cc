#include "worker/store/breakers.h"

namespace keystrand::worker::store {
namespace {

constexpr Statement kFindOpen{"breakers_open", "SELECT handler FROM keystrand.breakers WHERE state = 'open'"};

constexpr Statement kSpend{"breaker_spend", R"(
INSERT INTO keystrand.breakers AS b (handler, state, tokens) VALUES ($1, 'closed', $3::numeric - 1)
ON CONFLICT (handler) DO UPDATE
  SET tokens = least(greatest($3::numeric, b.tokens), b.tokens + $2::numeric) - 1,
      state = CASE WHEN least(greatest($3::numeric, b.tokens), b.tokens + $2::numeric) - 1 <= 0 THEN 'open' ELSE b.state END,
      fingerprint = CASE WHEN least(greatest($3::numeric, b.tokens), b.tokens + $2::numeric) - 1 <= 0 AND b.state = 'closed' THEN $4
                         ELSE b.fingerprint END,
      opened_at = CASE WHEN least(greatest($3::numeric, b.tokens), b.tokens + $2::numeric) - 1 <= 0 AND b.state = 'closed'
                       THEN clock_timestamp() ELSE b.opened_at END,
      opened_by = CASE WHEN least(greatest($3::numeric, b.tokens), b.tokens + $2::numeric) - 1 <= 0 AND b.state = 'closed' THEN $5
                       ELSE b.opened_by END
RETURNING state = 'open')"};

constexpr Statement kOpen{"breaker_open", R"(
INSERT INTO keystrand.breakers AS b (handler, state, tokens, fingerprint, opened_at, opened_by)
VALUES ($1, 'open', $4::numeric, $2, clock_timestamp(), $3)
ON CONFLICT (handler) DO UPDATE
  SET state = 'open', fingerprint = excluded.fingerprint, opened_at = excluded.opened_at, opened_by = excluded.opened_by
 WHERE b.state = 'closed')"};

constexpr Statement kRelease{"breaker_release", R"(
UPDATE keystrand.parked_events p SET next_attempt_at = clock_timestamp()
  FROM keystrand.strands s
 CROSS JOIN LATERAL (SELECT n."offset", n.status, n.next_attempt_at FROM keystrand.parked_events n
                      WHERE n.topic = s.topic AND n."partition" = s."partition" AND n.ordering_key = s.ordering_key
                      ORDER BY n."offset" LIMIT 1) AS head
 WHERE s.topic = $1 AND s."partition" = ANY ($2::integer[]) AND s.reason = 'breaker' AND head.status = 'waiting'
   AND head.next_attempt_at IS NULL
   AND p.topic = s.topic AND p."partition" = s."partition" AND p."offset" = head."offset")"};

}  // namespace

Result<std::vector<std::string>> FindOpenBreakers(Transaction& transaction) {
  const auto rows = transaction.Run(kFindOpen, {});
  if (!rows) return Fail(rows.error());
  std::vector<std::string> open;
  for (std::size_t i = 0; i < rows->size(); ++i) open.emplace_back(rows->Text(i, 0));
  return open;
}

Result<bool> SpendToken(Transaction& transaction, std::string_view handler, std::int64_t successes,
                        std::string_view fingerprint, const std::string& worker) {
  Params params;
  params.Add(std::string(handler))
      .Add(std::to_string(static_cast<double>(successes) / kBreakerSuccessesPerToken))
      .Add(kBreakerTokens)
      .Add(std::string(fingerprint))
      .Add(worker);
  const auto rows = transaction.Run(kSpend, params);
  if (!rows) return Fail(rows.error());
  return rows->Flag(0, 0);
}

Result<> OpenBreaker(Transaction& transaction, std::string_view handler, std::string_view reason,
                     const std::string& worker) {
  Params params;
  params.Add(std::string(handler)).Add(std::string(reason)).Add(worker).Add(kBreakerTokens);
  const auto opened = transaction.Run(kOpen, params);
  if (!opened) return Fail(opened.error());
  return {};
}

Result<> ReleaseBreakerStrands(Transaction& transaction, const std::string& topic,
                               const std::vector<std::int32_t>& partitions) {
  Params params;
  params.Add(topic).Add(ArrayOf(partitions, [](std::int32_t partition) { return partition; }));
  const auto released = transaction.Run(kRelease, params);
  if (!released) return Fail(released.error());
  return {};
}

}  // namespace keystrand::worker::store
