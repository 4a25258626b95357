#pragma once

#include <random>
#include <string>
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
  void Pause();
  bool Connect();
  bool GiveUpLeases();
  void Answered();
  void Away(const Error& error);
  void RunTask(Dispatcher::Task task);

  const BatchContext& context_;
  BatchRunner runner_;
  store::Session session_;
  std::mt19937_64 random_;
  int failures_ = 0;             ///< connects and tasks in a row that the database did not answer
  bool usable_ = false;          ///< the connection is to the database that our leases are from
  bool connect_failed_ = false;  ///< the last of the failures was a connect
  bool away_ = false;            ///< OnDatabaseAway was told, OnDatabaseBack was not yet
  std::string away_because_;     ///< what Away told last
  std::thread thread_;
};

}  // namespace keystrand::worker::engine
