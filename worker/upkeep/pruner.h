#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/kafka/client_settings.h"
#include "worker/store/pruning.h"
#include "worker/store/session.h"

namespace keystrand::worker::upkeep {

/// What a pruner tells; called on its thread.
class PrunerObserver {
 public:
  virtual ~PrunerObserver() = default;
  /// Rows were deleted; none of them is not told.
  virtual void OnPruned(const store::PruneCounts& /*done*/) {}
  /// Nothing more was deleted this time; the next time it is tried again.
  virtual void OnNotPruned(const Error& /*error*/) {}
};

/// Deletes what was settled long ago, every `interval`, on a thread and a connection of its own. Of all workers on a
/// database one does it at a time. Nothing is deleted while a topic keeps records longer than the inbox keeps rows.
class Pruner {
 public:
  struct Settings {
    kafka::ClientSettings kafka;
    std::vector<std::string> topics;  ///< of events and dead letters
    store::DatabaseSettings database;
    int inbox_days = 100;
    std::chrono::milliseconds interval{3'600'000};  ///< the first time: after so long
    int chunk = 1000;                               ///< rows a transaction deletes at most
  };

  /// `observer` outlives this.
  Pruner(Settings settings, PrunerObserver& observer);
  /// Waits for the chunk under way.
  ~Pruner();
  Pruner(const Pruner&) = delete;
  Pruner& operator=(const Pruner&) = delete;

 private:
  void Run();
  bool WaitForNext();
  Result<> PruneOnce(store::PruneCounts& done);
  [[nodiscard]] bool stopping();

  const Settings settings_;
  PrunerObserver& observer_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace keystrand::worker::upkeep
