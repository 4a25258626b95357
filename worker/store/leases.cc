#include "worker/store/leases.h"

#include <algorithm>
#include <map>

namespace keystrand::worker::store {
namespace {

/// Of the holders, those that wait for rows of a COPY beyond the time that any transaction has: their worker is frozen,
/// or lost behind a line that is dead, and the server would wait for it for ever.
constexpr Statement kEndAbandoned{"lease_free", R"(
SELECT pg_terminate_backend(a.pid)
  FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND l.classid::bigint = hashtext($1)::bigint & 4294967295 AND l.objid::bigint = ANY ($2::integer[])
   AND a.state = 'active' AND a.wait_event = 'ClientRead'
   AND a.xact_start < clock_timestamp() - $3::bigint * interval '1 millisecond' AND pg_has_role(a.usesysid, 'USAGE'))"};
constexpr Statement kLockExclusive{"lease_lock",
                                   "SELECT pg_advisory_xact_lock(hashtext($1), p) FROM unnest($2::integer[]) AS p"};
constexpr Statement kLockShared{"lease_share",
                                "SELECT pg_advisory_xact_lock_shared(hashtext($1), p) FROM unnest($2::integer[]) AS p"};
constexpr Statement kRaise{"lease_raise", R"(
INSERT INTO keystrand.partition_leases AS l (topic, "partition", epoch, owner)
SELECT $1, p, 1, $3 FROM unnest($2::integer[]) AS p
ON CONFLICT (topic, "partition") DO UPDATE
  SET epoch = l.epoch + 1, owner = excluded.owner, acquired_at = now(), released_at = NULL,
      suspects = CASE WHEN l.released_at IS NULL THEN l.suspects + 1 ELSE 0 END
RETURNING "partition", epoch, next_offset, suspects, gap_from, gap_to)"};
constexpr Statement kEpochs{"lease_check", R"(
SELECT l."partition", l.epoch FROM unnest($2::integer[]) AS p
  JOIN keystrand.partition_leases l ON l.topic = $1 AND l."partition" = p)"};
/// One that is not ours any more is a division by zero.
constexpr Statement kAssert{"lease_assert", R"(
SELECT 1 / (count(*) = cardinality($2::integer[]))::integer
  FROM unnest($2::integer[], $3::bigint[]) AS h("partition", epoch)
  JOIN keystrand.partition_leases l ON l.topic = $1 AND l."partition" = h."partition" AND l.epoch = h.epoch)",
                            "22012"};
constexpr Statement kProgress{"lease_progress", R"(
UPDATE keystrand.partition_leases l SET next_offset = coalesce(u.next_offset, l.next_offset)
  FROM unnest($2::integer[], $3::bigint[], $4::bigint[]) AS u("partition", epoch, next_offset)
 WHERE l.topic = $1 AND l."partition" = u."partition" AND l.epoch = u.epoch
RETURNING l."partition")"};
constexpr Statement kRelease{"lease_release", R"(
UPDATE keystrand.partition_leases l SET next_offset = coalesce(u.next_offset, l.next_offset), released_at = now()
  FROM unnest($2::integer[], $3::bigint[], $4::bigint[]) AS u("partition", epoch, next_offset)
 WHERE l.topic = $1 AND l."partition" = u."partition" AND l.epoch = u.epoch)"};
constexpr Statement kEnd{"lease_end", R"(
INSERT INTO keystrand.partition_leases AS l (topic, "partition", epoch, owner, released_at)
SELECT $1, h."partition", h.epoch + 1, $4, now() FROM unnest($2::integer[], $3::bigint[]) AS h("partition", epoch)
ON CONFLICT (topic, "partition") DO UPDATE SET epoch = excluded.epoch, released_at = excluded.released_at
  WHERE l.epoch < excluded.epoch)"};

/// What was begun and not finished by a worker that ends in order has killed nobody.
constexpr Statement kClear{"lease_clear", R"(
DELETE FROM keystrand.suspect_tries WHERE topic = $1 AND "partition" = ANY ($2::integer[]))"};

template <typename Items>
Params PartitionParams(const std::string& topic, const Items& items) {
  Params params;
  params.Add(topic).Add(ArrayOf(items, [](const auto& item) { return item.partition; }));
  return params;
}

template <typename Items>
Params HeldParams(const std::string& topic, const Items& items) {
  auto params = PartitionParams(topic, items);
  params.Add(ArrayOf(items, [](const auto& item) { return item.epoch; }));
  return params;
}

Params ProgressParams(const std::string& topic, const std::vector<Progress>& progress) {
  auto params = HeldParams(topic, progress);
  params.Add(ArrayOf(progress, [](const auto& p) { return p.next_offset; }));
  return params;
}

}  // namespace

Result<std::vector<Lease>> RaiseEpochs(Transaction& transaction, const std::string& topic,
                                       const std::vector<std::int32_t>& partitions, const std::string& owner) {
  const auto identity = [](std::int32_t partition) { return partition; };
  Params abandoned;
  abandoned.Add(topic)
      .Add(ArrayOf(partitions, identity))
      .Add(static_cast<std::int64_t>((kTransactionTimeout + kAnswerGrace).count()));
  transaction.Assert(kEndAbandoned, std::move(abandoned));
  Params lock;
  lock.Add(topic).Add(ArrayOf(partitions, identity));
  if (auto locked = transaction.Run(kLockExclusive, lock); !locked) return Fail(locked.error());
  Params raise;
  raise.Add(topic).Add(ArrayOf(partitions, identity)).Add(owner);
  const auto rows = transaction.Run(kRaise, raise);
  if (!rows) return Fail(rows.error());
  std::vector<Lease> leases;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    leases.push_back({static_cast<std::int32_t>(rows->Int(i, 0)), rows->Int(i, 1),
                      rows->IsNull(i, 2) ? std::nullopt : std::optional(rows->Int(i, 2)),
                      static_cast<int>(rows->Int(i, 3)),
                      rows->IsNull(i, 4) ? std::nullopt : std::optional(Gap{rows->Int(i, 4), rows->Int(i, 5)})});
  }
  return leases;
}

void ShareLeases(Transaction& transaction, const std::string& topic, const std::vector<HeldEpoch>& held,
                 std::vector<std::int32_t>& lost) {
  auto params = PartitionParams(topic, held);
  transaction.Assert(kLockShared, params);
  transaction.Defer(kEpochs, std::move(params), [held, &lost](const Rows& rows) -> Result<> {
    std::map<std::int64_t, std::int64_t> now;
    for (std::size_t i = 0; i < rows.size(); ++i) now[rows.Int(i, 0)] = rows.Int(i, 1);
    for (const auto& lease : held) {
      const auto found = now.find(lease.partition);
      if (found == now.end() || found->second != lease.epoch) lost.push_back(lease.partition);
    }
    return lost.empty() ? Result<>{} : Fail(ErrorCode::kConflict, std::string(kFenced));
  });
}

void AssertLeases(Transaction& transaction, const std::string& topic, const std::vector<HeldEpoch>& held) {
  transaction.Assert(kLockShared, PartitionParams(topic, held));
  transaction.Assert(kAssert, HeldParams(topic, held));
}

Result<std::vector<std::int32_t>> StoreProgress(Transaction& transaction, const std::string& topic,
                                                const std::vector<Progress>& progress) {
  const auto rows = transaction.Run(kProgress, ProgressParams(topic, progress));
  if (!rows) return Fail(rows.error());
  std::vector<std::int32_t> stored;
  for (std::size_t i = 0; i < rows->size(); ++i) stored.push_back(static_cast<std::int32_t>(rows->Int(i, 0)));
  return stored;
}

Result<> ReleaseLeases(Transaction& transaction, const std::string& topic, const std::vector<Progress>& progress) {
  const auto rows = transaction.Run(kRelease, ProgressParams(topic, progress));
  if (!rows) return Fail(rows.error());
  const auto cleared = transaction.Run(kClear, PartitionParams(topic, progress));
  if (!cleared) return Fail(cleared.error());
  return {};
}

Result<> EndLeases(Transaction& transaction, const std::string& topic, const std::vector<HeldEpoch>& held,
                   const std::string& owner) {
  auto params = HeldParams(topic, held);
  params.Add(owner);
  const auto ended = transaction.Run(kEnd, params);
  if (!ended) return Fail(ended.error());
  return {};
}

}  // namespace keystrand::worker::store
