#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>

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
  /// To be asked after each connect, before anything else is done there. `identity`: store::Session::identity. Another
  /// one than before: calls `give_up`, while others that connect wait, and remembers the new one if that worked.
  /// Returns whether the connection may be used. No: connect again, later.
  bool Recognise(const std::string& identity, const std::function<bool()>& give_up) {
    const std::unique_lock lock(mutex_, kRecogniseWait);
    if (!lock) return false;
    if (identity.empty() || identity == identity_) return true;
    if (!identity_.empty() && !give_up()) return false;
    identity_ = identity;
    return true;
  }

 private:
  static constexpr std::chrono::seconds kRecogniseWait{1};  ///< nobody waits in turn for a server that hangs

  std::atomic<SteadyTime::rep> last_answer_{0};
  std::atomic<bool> misdeployed_{false};
  std::timed_mutex mutex_;
  std::string identity_;  // guarded by mutex_
};

}  // namespace keystrand::worker::engine
