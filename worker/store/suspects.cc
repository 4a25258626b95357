#include "worker/store/suspects.h"

namespace keystrand::worker::store {
namespace {

constexpr Statement kCount{"suspect_count", R"(
INSERT INTO keystrand.suspect_tries AS s (topic, "partition", "offset", tries, epoch)
VALUES ($1, $2::integer, $3::bigint, 1, $4::bigint)
ON CONFLICT (topic, "partition", "offset") DO UPDATE
  SET tries = CASE s.epoch WHEN excluded.epoch THEN s.tries ELSE s.tries + 1 END, epoch = excluded.epoch,
      started_at = clock_timestamp()
RETURNING tries)"};

constexpr Statement kForget{"suspect_forget", R"(
DELETE FROM keystrand.suspect_tries WHERE topic = $1 AND "partition" = $2::integer AND "offset" = $3::bigint)"};

Params PositionOf(const SourcePosition& record) {
  Params params;
  params.Add(record.topic).Add(record.partition).Add(record.offset);
  return params;
}

}  // namespace

Result<int> CountTry(Transaction& transaction, const SourcePosition& record, std::int64_t epoch) {
  auto params = PositionOf(record);
  params.Add(epoch);
  const auto rows = transaction.Run(kCount, params);
  if (!rows) return Fail(rows.error());
  return static_cast<int>(rows->Int(0, 0));
}

Result<> ForgetTry(Transaction& transaction, const SourcePosition& record) {
  const auto forgotten = transaction.Run(kForget, PositionOf(record));
  if (!forgotten) return Fail(forgotten.error());
  return {};
}

}  // namespace keystrand::worker::store
