#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/core/clock.h"
#include "common/kafka/producer.h"
#include "common/kafka/topic_watch.h"
#include "worker/engine/dispatcher.h"
#include "worker/engine/duplicate_check.h"
#include "worker/engine/observer.h"
#include "worker/engine/retry_policy.h"
#include "worker/handlers/handler.h"
#include "worker/memory/row_memory.h"
#include "worker/store/session.h"

namespace keystrand::worker::engine {

struct EngineSettings {
  kafka::ClientSettings kafka;
  std::string events_topic = "keystrand.events";
  std::string dead_letters_topic = "keystrand.dead-letters";
  std::string group = "keystrand-worker";
  std::string group_instance_id;  ///< of static membership; empty: none
  kafka::Durability durability = kafka::Durability::kReplicated;
  std::int64_t record_bytes_min =
      std::int64_t{1024} * 1024 + kafka::kRecordOverheadBytes;  ///< what the topics must take
  std::chrono::milliseconds topic_check_interval{60000};
  std::string own_account;
  std::string worker;  ///< this instance's name: leases, dead letters
  int executors = 8;
  DispatchLimits limits;
  RetrySettings retry;
  std::chrono::milliseconds parked_interval{1000};  ///< parked events that are due are looked for this often
  store::DatabaseSettings database;
  DuplicateCheck::Settings duplicates;
  memory::RowMemory::Settings rows;
};

/// Who is told what. All outlive the engine; the pointers may be null.
struct EngineObservers {
  EngineObserver& engine;
  store::DatabaseObserver* database = nullptr;
  kafka::ClientObserver* consumer = nullptr;
  kafka::ProducerObserver* producer = nullptr;
  OutcomeObserver* outcomes = nullptr;
  kafka::TopicWatch::OnChange on_topics{};  ///< may be empty
};

/// What health checks and gauges read. Cheap.
struct EngineStatus {
  std::chrono::steady_clock::time_point last_poll;
  std::chrono::steady_clock::time_point last_database_answer;
  bool joined = false;  ///< the group answered once; no partitions is fine
  std::size_t assigned = 0;
  std::vector<std::int32_t> partitions{};    ///< dispatched now, rising
  bool misdeployed = false;                  ///< a table, column or right of the engine's own is missing
  std::vector<std::string> open_breakers{};  ///< handlers that are stopped
  std::string topic_problem;                 ///< empty: the topics are fit
  Dispatcher::Load load;
};

/// Consumes the events topic and applies it to PostgreSQL, each event once, in order per key. Owns the poll thread and
/// the executors; they run from Start to the destructor.
class Engine {
 public:
  /// `handlers`: in the order in which they see an event; with `clock` they outlive the engine.
  /// Errors: kRejected (a setting that a client refuses).
  static Result<std::unique_ptr<Engine>> Start(EngineSettings settings, std::vector<const handlers::Handler*> handlers,
                                               const Clock& clock, EngineObservers observers);
  /// Stops as Stop does, if it was not called.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Finishes what runs, stores and commits the watermarks, releases the leases, leaves the group. Bounded (15 s).
  void Stop();
  [[nodiscard]] EngineStatus Status() const;
  /// Set once the engine has stopped by itself: a fatal client error; the process should end with 1.
  [[nodiscard]] std::optional<Error> Failure() const;

 private:
  class Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace keystrand::worker::engine
