#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/stripe/envelope.h"

namespace keystrand::worker::store {

/// One event of the newest second of an object. Views: of the event, or of what was loaded; both outlive the batch's
/// transaction.
struct Candidate {
  std::string_view event_id;
  std::string_view event_type;
  std::string_view api_version{};
  std::string_view previous_attributes{};  ///< JSON text that PostgreSQL can hold; empty: none
  std::string_view data{};                 ///< likewise; empty: not mirrored
  /// The fields of `data` that only grow, if they were read already; else null.
  const std::vector<stripe::MonotoneValue>* monotone = nullptr;
};

/// `candidates` of a row as the column has them, the one that the row shows among them: an array of objects with
/// `event_id`, `event_type`, and where they are not empty `api_version` and `previous_attributes`. The data of one that
/// is not shown is told by what it has besides the row's (`differs`) and what it has not (`lacks`), member by member of
/// the outermost object; as a whole (`data`) where that cannot be said.
///
/// Empty when the row says it all: one candidate, and nothing that could order it against a later one of its second.
std::string CandidatesJson(const std::vector<Candidate>& candidates, const Candidate& shown);

/// Instead of the data that is the same as the row's; no JSON text is that.
inline constexpr std::string_view kDataAsShown = "shown";

/// The other way round. `fields`: five of each element of the column, in the order of Candidate's, its data put
/// together by the server. `shown`: the candidate that the row shows, from the row's own columns. Views of both.
std::vector<Candidate> CandidatesFrom(const std::vector<std::string>& fields, const Candidate& shown);

}  // namespace keystrand::worker::store
