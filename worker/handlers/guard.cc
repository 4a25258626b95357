#include "worker/handlers/guard.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "common/stripe/envelope.h"
#include "common/stripe/event_types.h"
#include "common/stripe/json_text.h"

namespace keystrand::worker::handlers {
namespace {

using Indexes = std::vector<std::size_t>;

/// Whether `later` says of itself that it came right after `earlier`. Unreadable text says nothing.
bool Describes(const store::Candidate& later, const store::Candidate& earlier) {
  if (later.previous_attributes.empty() || earlier.data.empty()) return false;
  return stripe::Matches(later.previous_attributes, earlier.data).value_or(false);
}

bool ComesBefore(const store::Candidate& a, const store::Candidate& b) { return Describes(b, a) && !Describes(a, b); }

std::vector<stripe::MonotoneValue> MonotoneOf(std::string_view data) {
  if (data.empty()) return {};
  const std::string event =
      std::string(R"({"id":"-","type":"-","livemode":false,"data":{"object":)").append(data).append("}}");
  const auto envelope = stripe::ParseEnvelope(event, "");
  return envelope ? envelope->monotone : std::vector<stripe::MonotoneValue>{};
}

/// Whether some growing field is smaller in `a` than in `b`, and none is greater.
bool GrewFrom(const std::vector<stripe::MonotoneValue>& a, const std::vector<stripe::MonotoneValue>& b) {
  bool grew = false;
  for (const auto& before : a) {
    const auto after = std::find_if(b.begin(), b.end(), [&](const auto& value) { return value.name == before.name; });
    if (after == b.end()) continue;
    if (after->value < before.value) return false;
    grew = grew || after->value > before.value;
  }
  return grew;
}

/// Those that no other one comes after; all of them if there is no such one (a circle).
template <typename Before>
Indexes Newest(const Indexes& among, Before before) {
  Indexes newest;
  for (const auto i : among) {
    if (std::none_of(among.begin(), among.end(), [&](std::size_t j) { return j != i && before(i, j); })) {
      newest.push_back(i);
    }
  }
  return newest.empty() ? among : newest;
}

}  // namespace

void AddCandidate(std::vector<store::Candidate>& candidates, const store::Candidate& candidate) {
  const auto by_id = [](const auto& a, const auto& b) { return a.event_id < b.event_id; };
  const auto place = std::lower_bound(candidates.begin(), candidates.end(), candidate, by_id);
  if (place != candidates.end() && place->event_id == candidate.event_id) return;
  candidates.insert(place, candidate);
  if (candidates.size() > kCandidatesMax) candidates.erase(candidates.begin());
}

const std::vector<stripe::MonotoneValue>& MonotoneValues::Of(const store::Candidate& candidate) {
  if (candidate.monotone != nullptr) return *candidate.monotone;
  const auto [found, fresh] = known_.try_emplace(candidate.event_id);
  if (fresh) found->second = MonotoneOf(candidate.data);
  return found->second;
}

std::size_t Choose(const std::vector<store::Candidate>& candidates, MonotoneValues& values) {
  if (candidates.size() == 1) return 0;
  Indexes left(candidates.size());
  std::iota(left.begin(), left.end(), std::size_t{0});
  left = Newest(left, [&](std::size_t i, std::size_t j) {
    return stripe::IsCreation(candidates[i].event_type) && !stripe::IsCreation(candidates[j].event_type);
  });
  left = Newest(left, [&](std::size_t i, std::size_t j) { return ComesBefore(candidates[i], candidates[j]); });
  if (left.size() > 1) {
    left = Newest(left, [&](std::size_t i, std::size_t j) {
      return GrewFrom(values.Of(candidates[i]), values.Of(candidates[j]));
    });
  }
  return *std::max_element(left.begin(), left.end(), [&](std::size_t i, std::size_t j) {
    return candidates[i].event_id < candidates[j].event_id;
  });
}

}  // namespace keystrand::worker::handlers
