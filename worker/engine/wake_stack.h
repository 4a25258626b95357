#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

namespace keystrand::worker::engine {

/// Threads that wait for work. Who came last is woken first: its caches, and those of its connection's server process,
/// are warm. Every call with the lock of the same mutex.
class WakeStack {
 public:
  using Lock = std::unique_lock<std::mutex>;

  /// Until this thread is woken, or until the time.
  void Wait(Lock& lock, std::optional<std::chrono::steady_clock::time_point> until) {
    Sleeper self;
    sleepers_.push_back(&self);
    const auto woken = [&self] { return self.woken; };
    if (!until) return self.condition.wait(lock, woken);
    if (!self.condition.wait_until(lock, *until, woken)) std::erase(sleepers_, &self);
  }
  void WakeOne() {
    if (sleepers_.empty()) return;
    Sleeper* const last = sleepers_.back();
    sleepers_.pop_back();
    last->woken = true;
    last->condition.notify_one();
  }
  void WakeAll() {
    while (!sleepers_.empty()) WakeOne();
  }
  [[nodiscard]] std::size_t size() const { return sleepers_.size(); }

 private:
  struct Sleeper {
    std::condition_variable condition;
    bool woken = false;
  };
  std::vector<Sleeper*> sleepers_;
};

}  // namespace keystrand::worker::engine
