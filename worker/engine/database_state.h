#pragma once

#include <atomic>

#include "worker/engine/dispatcher.h"

namespace keystrand::worker::engine {

/// What the executors know of the database. Thread-safe.
class DatabaseState {
 public:
  void Answered(SteadyTime now) { last_answer_ = now.time_since_epoch().count(); }
  /// When any executor last had an answer; the epoch of the clock if never.
  [[nodiscard]] SteadyTime last_answer() const { return SteadyTime(SteadyTime::duration(last_answer_.load())); }
  void Misdeployed(bool yes) { misdeployed_ = yes; }
  [[nodiscard]] bool misdeployed() const { return misdeployed_; }

 private:
  std::atomic<SteadyTime::rep> last_answer_{0};
  std::atomic<bool> misdeployed_{false};
};

}  // namespace keystrand::worker::engine
