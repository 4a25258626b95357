#pragma once

#include <thread>

#include "worker/engine/batch_runner.h"
#include "worker/store/session.h"

namespace keystrand::worker::engine {

/// One thread with one connection that takes jobs and batches until the dispatcher stops. While the database is away it
/// holds nothing: it probes with backoff and takes no work.
class Executor {
 public:
  /// References outlive the executor.
  Executor(const BatchContext& context, store::DatabaseSettings database, store::DatabaseObserver* database_observer,
           std::uint64_t seed);
  /// Call Dispatcher::Stop first.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

 private:
  void Run();
  bool Connect();
  void RunTask(Dispatcher::Task task);

  const BatchContext& context_;
  BatchRunner runner_;
  store::Session session_;
  Backoff backoff_;
  bool away_ = false;
  std::thread thread_;
};

}  // namespace keystrand::worker::engine
