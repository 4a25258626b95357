#pragma once

#include <atomic>
#include <chrono>
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
  /// Whether a broker was seen up within the last ten seconds: twice the interval of the statistics.
  [[nodiscard]] bool BrokerUp() const;

 private:
  metrics::ProduceMetrics& produced_;
  metrics::KafkaClientMetrics& client_;
  const Clock& clock_;
  std::atomic<std::chrono::steady_clock::rep> seen_at_;
};

}  // namespace keystrand::receiver
