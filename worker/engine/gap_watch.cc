#include "worker/engine/gap_watch.h"

#include <utility>

namespace keystrand::worker::engine {

void GapWatch::Leased(const std::vector<store::Lease>& leases) {
  const std::lock_guard lock(mutex_);
  for (const auto& lease : leases) known_[lease.partition] = lease.gap;
}

void GapWatch::Stopped(std::int32_t partition) {
  const std::lock_guard lock(mutex_);
  stopped_.insert(partition);
}

void GapWatch::Forget(const std::vector<std::int32_t>& partitions) {
  const std::lock_guard lock(mutex_);
  for (const auto partition : partitions) {
    known_.erase(partition);
    stopped_.erase(partition);
  }
}

bool GapWatch::Look(store::Session& session) {
  std::vector<std::int32_t> stopped;
  {
    const std::lock_guard lock(mutex_);
    stopped.assign(stopped_.begin(), stopped_.end());
  }
  if (stopped.empty()) return true;
  std::map<std::int32_t, store::Place> places;
  const auto found = session.InTransaction([&](store::Transaction& transaction) -> Result<> {
    auto now = store::FindPlaces(transaction, topic_, stopped);
    if (!now) return Fail(now.error());
    places = std::move(*now);
    return {};
  });
  if (!found) return found.error().code != ErrorCode::kUnavailable;
  const std::lock_guard lock(mutex_);
  for (const auto& [partition, place] : places) {
    const auto known = known_.find(partition);
    const bool news = known != known_.end() && place.gap && place.gap != known->second;
    accepted_ = accepted_ || (news && stopped_.contains(partition));
  }
  return true;
}

bool GapWatch::TakeAccepted() {
  const std::lock_guard lock(mutex_);
  return std::exchange(accepted_, false);
}

}  // namespace keystrand::worker::engine
