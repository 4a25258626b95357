#pragma once

#include <string>
#include <vector>

#include "common/core/clock.h"
#include "common/kafka/producer.h"
#include "common/metrics/database_metrics.h"
#include "common/metrics/kafka_metrics.h"
#include "common/metrics/worker_metrics.h"
#include "worker/engine/engine.h"
#include "worker/engine/observer.h"
#include "worker/store/session.h"
#include "worker/upkeep/pruner.h"

namespace keystrand::worker {

/// Turns what engine, store and Kafka clients report into metrics and log lines. Thread-safe.
class Telemetry final : public engine::EngineObserver,
                        public store::DatabaseObserver,
                        public kafka::ProducerObserver,
                        public upkeep::PrunerObserver {
 public:
  /// `registry` and `clock` outlive this. `dead_letters_topic`: what the worker produces to. `batch_max`: events that
  /// an executor may hold.
  Telemetry(metrics::Registry& registry, const Clock& clock, const std::string& dead_letters_topic, int executors,
            std::size_t batch_max);

  /// The consumer's reports; this object itself takes the producer's.
  [[nodiscard]] kafka::ClientObserver& consumer() { return consumer_; }
  /// Gauges that are read rather than reported; call every second.
  void Refresh(const engine::EngineStatus& status);
  void OnTopics(const std::string& problem);

  void OnSettled(const engine::Item& item, std::int32_t partition, engine::EventOutcome outcome,
                 std::string_view reason, std::chrono::nanoseconds took) override;
  void OnDeadLetter(const store::DeadLetter& letter) override;
  void OnLetterNotPublished(std::size_t letters, const Error& error) override;
  void OnRetry(const engine::Item& item, std::int32_t partition, const Error& error) override;
  void OnParked(const engine::Item& item, std::int32_t partition, const engine::Parking& parking) override;
  void OnConflict() override;
  void OnBatch(std::chrono::nanoseconds waited) override;
  void OnBisect() override;
  void OnCommitInDoubt() override;
  void OnFenced(std::int32_t partition) override;
  void OnLeased(std::int32_t partition, std::int64_t epoch, bool unclean) override;
  void OnRewound(std::int32_t partition, std::int64_t start, std::int64_t kafka) override;
  void OnRebalance(Rebalance kind, std::size_t partitions) override;
  void OnOffsetCommit(bool ok, std::string_view error) override;
  void OnGapSkipped(std::int32_t partition, std::int64_t position, std::int64_t next) override;
  void OnPositionOutsideLog(std::int32_t partition) override;
  void OnDatabaseAway(const Error& error) override;
  void OnDatabaseBack() override;
  void OnDatabaseReplaced() override;
  void OnMisdeployed(const Error& error) override;

  void OnOperation(std::string_view statement, std::chrono::nanoseconds took) override;
  void OnError(std::string_view statement, std::string_view sqlstate) override;
  void OnConnected(bool again) override;
  /// Ends the process: nothing may be written to damaged files, nor tried again.
  void OnCorruption(std::string_view statement, std::string_view sqlstate) override;

  void OnPruned(const store::PruneCounts& done) override;
  void OnNotPruned(const Error& error) override;

  void OnProduced(kafka::ProduceResult result, std::chrono::nanoseconds took) override;
  void OnStatistics(std::string_view json) override;
  void OnClientError(std::string_view code, std::string_view reason, bool fatal) override;

 private:
  class Consumer final : public kafka::ClientObserver {
   public:
    explicit Consumer(Telemetry& owner) : owner_(owner) {}
    void OnStatistics(std::string_view json) override;
    void OnClientError(std::string_view code, std::string_view reason, bool fatal) override;

   private:
    Telemetry& owner_;
  };
  void ShowBreakers(const std::vector<std::string>& open);
  void ClientErrorSeen(metrics::ClientRole role, std::string_view code, std::string_view reason, bool fatal);
  void LogSettled(const engine::Item& item, std::int32_t partition, engine::EventOutcome outcome,
                  std::string_view reason) const;
  [[nodiscard]] std::chrono::nanoseconds Since(std::int64_t unix_ms) const;

  const Clock& clock_;
  const int executors_;
  metrics::WorkerMetrics worker_;
  metrics::DatabaseMetrics database_;
  metrics::ProduceMetrics produce_;
  metrics::KafkaClientMetrics kafka_;
  Consumer consumer_;
  std::vector<std::string> open_breakers_;  ///< as last seen by Refresh
};

}  // namespace keystrand::worker
