#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <string>
#include <string_view>

#include "common/core/clock.h"
#include "common/kafka/producer.h"
#include "common/metrics/kafka_metrics.h"

namespace keystrand::receiver {

/// Hears what the producer reports beside records: counts it, and remembers when a broker was last known to be up.
/// Thread-safe.
class ProducerEvents final : public kafka::ProducerObserver {
 public:
  /// References must outlive this.
  ProducerEvents(metrics::ProduceMetrics& produced, metrics::KafkaClientMetrics& client, const Clock& clock);

  void OnProduced(kafka::ProduceResult result, std::chrono::nanoseconds took) override;
  void OnStatistics(std::string_view json) override;
  void OnClientError(std::string_view code, std::string_view reason, bool fatal) override;

  /// A broker answered just now.
  void BrokerSeen();
  /// Why records cannot be produced, in one sentence for an operator; empty if nothing is known to be in the way. No
  /// broker was seen up within the last ten seconds (twice the interval of the statistics), or Kafka has refused a
  /// record of ours for want of a right within that time and has taken none since: then the next ones find out.
  [[nodiscard]] std::string Problem() const;

 private:
  using Moment = std::atomic<std::chrono::steady_clock::rep>;
  [[nodiscard]] bool WithinTenSeconds(const Moment& moment) const;
  void SetNow(Moment& moment) const;

  metrics::ProduceMetrics& produced_;
  metrics::KafkaClientMetrics& client_;
  const Clock& clock_;
  const std::chrono::steady_clock::rep long_ago_;
  Moment seen_at_;
  Moment refused_at_;
  mutable std::mutex mutex_;
  std::string last_error_;  // guarded by mutex_; librdkafka's name
};

}  // namespace keystrand::receiver
