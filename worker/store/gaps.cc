#include "worker/store/gaps.h"

namespace keystrand::worker::store {
namespace {

constexpr Statement kFind{"gaps_find", R"(
SELECT "partition", next_offset, gap_from, gap_to FROM keystrand.partition_leases
 WHERE topic = $1 AND "partition" = ANY ($2::integer[]))"};

constexpr Statement kAccept{"gap_accept", R"(
UPDATE keystrand.partition_leases SET gap_from = $3::bigint, gap_to = $4::bigint
 WHERE topic = $1 AND "partition" = $2::integer)"};

}  // namespace

Result<std::map<std::int32_t, Place>> FindPlaces(Transaction& transaction, const std::string& topic,
                                                 const std::vector<std::int32_t>& partitions) {
  Params params;
  params.Add(topic).Add(ArrayOf(partitions, [](std::int32_t partition) { return partition; }));
  const auto rows = transaction.Run(kFind, params);
  if (!rows) return Fail(rows.error());
  std::map<std::int32_t, Place> places;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    Place& place = places[static_cast<std::int32_t>(rows->Int(i, 0))];
    if (!rows->IsNull(i, 1)) place.next_offset = rows->Int(i, 1);
    if (!rows->IsNull(i, 2)) place.gap = Gap{rows->Int(i, 2), rows->Int(i, 3)};
  }
  return places;
}

Result<bool> AcceptGap(Transaction& transaction, const std::string& topic, std::int32_t partition, const Gap& gap) {
  Params params;
  params.Add(topic).Add(std::int64_t{partition}).Add(gap.from).Add(gap.to);
  const auto accepted = transaction.Run(kAccept, params);
  if (!accepted) return Fail(accepted.error());
  return accepted->affected() > 0;
}

}  // namespace keystrand::worker::store
