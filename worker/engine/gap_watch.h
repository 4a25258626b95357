#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "worker/store/gaps.h"
#include "worker/store/leases.h"
#include "worker/store/session.h"

namespace keystrand::worker::engine {

/// Partitions that stopped because their position is outside the log: looks whether an operator accepts the gap.
/// Thread-safe.
class GapWatch {
 public:
  explicit GapWatch(std::string topic) : topic_(std::move(topic)) {}

  /// As the leases are taken: what was accepted before is no news.
  void Leased(const std::vector<store::Lease>& leases);
  void Stopped(std::int32_t partition);
  /// They are another's now.
  void Forget(const std::vector<std::int32_t>& partitions);

  /// Asks the database, if a partition stopped. False if it is away.
  bool Look(store::Session& session);
  /// Whether a gap was accepted since the last call: the partitions are to be leased anew.
  bool TakeAccepted();

 private:
  const std::string topic_;
  std::mutex mutex_;
  std::map<std::int32_t, std::optional<store::Gap>> known_;  // guarded by mutex_
  std::set<std::int32_t> stopped_;                           // guarded by mutex_
  bool accepted_ = false;                                    // guarded by mutex_
};

}  // namespace keystrand::worker::engine
