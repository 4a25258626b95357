#pragma once

#include <condition_variable>
#include <mutex>

namespace keystrand::worker::engine {

/// Lets many pass at once, or one alone: who wants to be alone waits for those inside, and nobody enters meanwhile.
class ExclusiveGate {
 public:
  /// Inside for as long as it lives.
  class Pass {
   public:
    Pass(ExclusiveGate& gate, bool alone) : gate_(gate), alone_(alone) { gate_.Enter(alone_); }
    ~Pass() { gate_.Leave(alone_); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    ExclusiveGate& gate_;
    const bool alone_;
  };

 private:
  void Enter(bool alone) {
    std::unique_lock lock(mutex_);
    if (!alone) {
      changed_.wait(lock, [this] { return wanted_alone_ == 0; });
    } else {
      ++wanted_alone_;
      changed_.wait(lock, [this] { return inside_ == 0; });
    }
    ++inside_;
  }
  void Leave(bool alone) {
    const std::lock_guard lock(mutex_);
    --inside_;
    if (alone) --wanted_alone_;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0;        // guarded by mutex_
  int wanted_alone_ = 0;  // guarded by mutex_
};

}  // namespace keystrand::worker::engine
