#include "worker/store/overview.h"

#include <array>

namespace keystrand::worker::store {
namespace {

constexpr Statement kLeases{"overview_leases", R"(
SELECT l."partition", l.epoch, l.next_offset, l.owner, (extract(epoch FROM l.acquired_at) * 1000)::bigint,
       (extract(epoch FROM l.released_at) * 1000)::bigint, l.suspects
  FROM keystrand.partition_leases l WHERE l.topic = $1 ORDER BY l."partition")"};

constexpr Statement kOpen{"overview_letters", R"(
SELECT error_code, count(*), (extract(epoch FROM min(failed_at)) * 1000)::bigint,
       (array_agg(source_topic || '/' || source_partition || '/' || source_offset ORDER BY failed_at))[1]
  FROM keystrand.dead_letters WHERE status = 'open' GROUP BY error_code ORDER BY error_code)"};

constexpr Statement kCounts{"overview_counts", R"(
SELECT (SELECT count(*) FROM keystrand.dead_letters WHERE status = 'replaying'),
       (SELECT count(*) FROM keystrand.dead_letters WHERE published_at IS NULL),
       (SELECT count(*) FROM keystrand.parked_events))"};

constexpr Statement kStrands{"overview_strands", R"(
SELECT state, reason, count(*), (extract(epoch FROM min(since)) * 1000)::bigint
  FROM keystrand.strands GROUP BY state, reason ORDER BY state, reason)"};

constexpr Statement kBreakers{"overview_breakers",
                              "SELECT handler FROM keystrand.breakers WHERE state = 'open' ORDER BY handler"};

/// The inbox has only a BRIN index on settled_at, which serves a window, not a maximum over all: the windows grow until
/// one holds something, so that little more is read than was settled since. now(), since a volatile clock uses no
/// index.
constexpr Statement kLastSettled{"overview_settled", R"(
SELECT (extract(epoch FROM max(settled_at)) * 1000)::bigint FROM keystrand.inbox
 WHERE settled_at > now() - make_interval(secs => $1::integer))"};
constexpr std::array kWindowsSeconds = {5, 20, 80, 320, 1280, 5120, 20480, 86400};

std::optional<std::int64_t> Optional(const Rows& rows, std::size_t row, int column) {
  return rows.IsNull(row, column) ? std::nullopt : std::optional(rows.Int(row, column));
}

Result<> ReadLeases(Transaction& transaction, const std::string& topic, Overview& overview) {
  Params params;
  params.Add(topic);
  const auto rows = transaction.Run(kLeases, params);
  if (!rows) return Fail(rows.error());
  for (std::size_t i = 0; i < rows->size(); ++i) {
    overview.leases.push_back({static_cast<std::int32_t>(rows->Int(i, 0)), rows->Int(i, 1), Optional(*rows, i, 2),
                               std::string(rows->Text(i, 3)), rows->Int(i, 4), Optional(*rows, i, 5),
                               static_cast<int>(rows->Int(i, 6))});
  }
  return {};
}

Result<> ReadLetters(Transaction& transaction, Overview& overview) {
  const auto open = transaction.Run(kOpen, {});
  if (!open) return Fail(open.error());
  for (std::size_t i = 0; i < open->size(); ++i) {
    overview.open_letters.push_back(
        {std::string(open->Text(i, 0)), open->Int(i, 1), open->Int(i, 2), std::string(open->Text(i, 3))});
  }
  const auto counts = transaction.Run(kCounts, {});
  if (!counts) return Fail(counts.error());
  overview.letters_replaying = counts->Int(0, 0);
  overview.letters_unpublished = counts->Int(0, 1);
  overview.parked_events = counts->Int(0, 2);
  return {};
}

Result<> ReadStrands(Transaction& transaction, Overview& overview) {
  const auto strands = transaction.Run(kStrands, {});
  if (!strands) return Fail(strands.error());
  for (std::size_t i = 0; i < strands->size(); ++i) {
    overview.strands.push_back(
        {std::string(strands->Text(i, 0)), std::string(strands->Text(i, 1)), strands->Int(i, 2), strands->Int(i, 3)});
  }
  const auto breakers = transaction.Run(kBreakers, {});
  if (!breakers) return Fail(breakers.error());
  for (std::size_t i = 0; i < breakers->size(); ++i) overview.open_breakers.emplace_back(breakers->Text(i, 0));
  return {};
}

}  // namespace

Result<Overview> ReadOverview(Transaction& transaction, const std::string& events_topic) {
  Overview overview;
  if (auto read = ReadLeases(transaction, events_topic, overview); !read) return Fail(read.error());
  if (auto read = ReadLetters(transaction, overview); !read) return Fail(read.error());
  if (auto read = ReadStrands(transaction, overview); !read) return Fail(read.error());
  return overview;
}

Result<std::optional<std::int64_t>> ReadLastSettledMs(Transaction& transaction) {
  for (const int window : kWindowsSeconds) {
    Params params;
    params.Add(window);
    const auto rows = transaction.Run(kLastSettled, params);
    if (!rows) return Fail(rows.error());
    if (auto found = Optional(*rows, 0, 0)) return found;
  }
  return std::optional<std::int64_t>();
}

}  // namespace keystrand::worker::store
