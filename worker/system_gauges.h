#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/core/clock.h"
#include "common/kafka/admin.h"
#include "common/kafka/client_settings.h"
#include "common/metrics/registry.h"
#include "worker/store/gauges.h"
#include "worker/store/session.h"

namespace keystrand::worker {

/// Gauges of the whole system and of this worker's partitions: what is dead, parked and behind. One thread asks the
/// database and Kafka every 15 s (or as set), with 5 s for each; a scrape answers from memory. While one of them is
/// away its old values stay, their time stands still, and the failure is counted.
class SystemGauges {
 public:
  struct Settings {
    kafka::ClientSettings kafka;
    std::string topic;  ///< of events
    std::string group;
    store::DatabaseSettings database;
    std::chrono::milliseconds interval{15000};
    std::chrono::milliseconds timeout{5000};
  };

  /// `assigned`: this worker's partitions now; called on the thread. `registry` and `clock` outlive this.
  SystemGauges(Settings settings, metrics::Registry& registry, const Clock& clock,
               std::function<std::vector<std::int32_t>()> assigned);
  ~SystemGauges();
  SystemGauges(const SystemGauges&) = delete;
  SystemGauges& operator=(const SystemGauges&) = delete;

 private:
  struct Behind {
    std::int64_t records = 0;
    std::int64_t oldest_ms = 0;  ///< when the first record not committed was written; 0: none waits
  };
  struct Source {
    std::int64_t refreshed_ms = 0;  ///< at first: when the process started
    std::uint64_t failures = 0;
  };

  void Run();
  bool WaitForNext();
  void RefreshDatabase();
  void RefreshKafka();
  Result<std::map<std::int32_t, Behind>> AskKafka(const std::vector<std::int32_t>& partitions);
  void Refreshed(Source& source, bool ok);
  [[nodiscard]] std::int64_t NowMs() const;
  [[nodiscard]] std::vector<metrics::Family> Families() const;

  const Settings settings_;
  const Clock& clock_;
  const std::function<std::vector<std::int32_t>()> assigned_;
  metrics::Gauge clock_skew_;
  store::Session session_;               // used on the thread
  std::unique_ptr<kafka::Admin> admin_;  // likewise

  mutable std::mutex mutex_;
  std::condition_variable stopping_;
  bool stop_ = false;                      // guarded by mutex_
  store::Gauges database_;                 // guarded by mutex_
  std::map<std::int32_t, Behind> behind_;  // guarded by mutex_
  Source from_database_;                   // guarded by mutex_
  Source from_kafka_;                      // guarded by mutex_
  std::thread thread_;
};

}  // namespace keystrand::worker
