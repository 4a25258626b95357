#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace keystrand::worker::store {

/// One event of the newest second of an object.
struct Candidate {
  std::string event_id;
  std::string event_type;
  std::string api_version;
  std::string previous_attributes;  ///< JSON text; empty: none
  std::string data;                 ///< JSON text; empty: not mirrored
};

/// `candidates` of a row as the column has them, the one that the row shows among them: an array of objects with
/// `event_id`, `event_type`, and where they are not empty `api_version` and `previous_attributes`. The data of one that
/// is not shown is told by what it has besides the row's (`differs`) and what it has not (`lacks`), member by member of
/// the outermost object; as a whole (`data`) where that cannot be said.
///
/// Empty when the row says it all: one candidate, and nothing that could order it against a later one of its second.
std::string CandidatesJson(const std::vector<Candidate>& candidates, const std::string& shown_event_id,
                           const std::string& shown_data);

/// Instead of the data that is the same as the row's; no JSON text is that.
inline constexpr std::string_view kDataAsShown = "shown";

/// The other way round. `fields`: five of each element of the column, in the order of Candidate's, its data put
/// together by the server. `shown`: the candidate that the row shows, from the row's own columns.
std::vector<Candidate> CandidatesFrom(const std::vector<std::string>& fields, Candidate shown);

}  // namespace keystrand::worker::store
