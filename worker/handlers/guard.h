#pragma once

#include <compare>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/stripe/envelope.h"
#include "worker/store/objects.h"

namespace keystrand::worker::handlers {

/// What decides between two snapshots of one object, whatever order they arrive in: a tombstone beats all, a terminal
/// state beats one that is not, then the later second. Equal ranks: Choose.
struct Rank {
  bool deleted = false;
  bool terminal = false;
  std::int64_t created = 0;  ///< Unix s
  auto operator<=>(const Rank&) const = default;
};

/// Of a row that is loaded.
[[nodiscard]] inline Rank RankOf(const store::ObjectRow& row) { return {row.deleted, row.terminal, row.event_created}; }

/// Most events of one second that are kept to choose from.
inline constexpr std::size_t kCandidatesMax = 8;

/// Adds `candidate` to those of its second (same rank). An event that is there already, or one too many, changes
/// nothing that depends on arrival: the greatest kCandidatesMax event ids stay.
void AddCandidate(std::vector<store::Candidate>& candidates, const store::Candidate& candidate);

/// The fields of loaded snapshots that only grow, by event: none is parsed twice in a batch.
class MonotoneValues {
 public:
  /// Empty for a candidate without data. Valid as long as this is.
  const std::vector<stripe::MonotoneValue>& Of(const store::Candidate& candidate);

 private:
  std::unordered_map<std::string_view, std::vector<stripe::MonotoneValue>> known_;
};

/// The index of the newest of `candidates` (not empty): a pure function of the set.
///  1. A creation comes before any other event.
///  2. A comes before B if B's previous_attributes describe A and not the other way round.
///  3. Fields that only grow (amount_refunded, attempt_count, …) are smaller in the older one.
///  4. What is left undecided goes to the greatest event id, so that every worker ends alike.
std::size_t Choose(const std::vector<store::Candidate>& candidates, MonotoneValues& values);

}  // namespace keystrand::worker::handlers
