#include "worker/store/gauges.h"

namespace keystrand::worker::store {
namespace {

constexpr Statement kLetters{"gauges_letters", R"(
SELECT error_code, count(*), (extract(epoch FROM min(failed_at)) * 1000)::bigint
  FROM keystrand.dead_letters WHERE status = 'open' GROUP BY error_code)"};

constexpr Statement kParked{"gauges_parked", R"(
SELECT s.reason, count(*), (extract(epoch FROM min(s.since)) * 1000)::bigint
  FROM keystrand.strands s
  JOIN keystrand.parked_events p
    ON p.topic = s.topic AND p."partition" = s."partition" AND p.ordering_key = s.ordering_key
 GROUP BY s.reason)"};

constexpr Statement kCounts{"gauges_counts", R"(
SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
       (SELECT count(*) FROM keystrand.strands WHERE state = 'held'),
       (SELECT count(*) FROM keystrand.operator_actions WHERE action = 'dead_letter.replayed'),
       (SELECT count(*) FROM keystrand.operator_actions WHERE action = 'dead_letter.discarded'))"};

Result<std::vector<Waiting>> ReadWaiting(Transaction& transaction, const Statement& statement) {
  const auto rows = transaction.Run(statement, {});
  if (!rows) return Fail(rows.error());
  std::vector<Waiting> waiting;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    waiting.push_back({std::string(rows->Text(i, 0)), rows->Int(i, 1), rows->Int(i, 2)});
  }
  return waiting;
}

}  // namespace

Result<Gauges> ReadGauges(Transaction& transaction) {
  Gauges gauges;
  auto letters = ReadWaiting(transaction, kLetters);
  if (!letters) return Fail(letters.error());
  gauges.open_letters = std::move(*letters);
  auto parked = ReadWaiting(transaction, kParked);
  if (!parked) return Fail(parked.error());
  gauges.parked = std::move(*parked);
  const auto counts = transaction.Run(kCounts, {});
  if (!counts) return Fail(counts.error());
  gauges.now_ms = counts->Int(0, 0);
  gauges.strands_held = counts->Int(0, 1);
  gauges.letters_replayed = counts->Int(0, 2);
  gauges.letters_discarded = counts->Int(0, 3);
  return gauges;
}

}  // namespace keystrand::worker::store
