#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/metrics/kafka_statistics.h"
#include "common/metrics/table.h"

namespace keystrand::metrics {

/// Records produced to one topic. Thread-safe; `registry` must outlive this.
class ProduceMetrics {
 public:
  ProduceMetrics(Registry& registry, const std::string& topic);
  /// `took`: produce call to delivery report.
  void Produced(ProduceResult result, std::chrono::nanoseconds took);

 private:
  Histogram duration_;
  std::vector<Counter> results_;
};

/// What librdkafka says about its clients, from the statistics each emits every 5 s. Thread-safe; `registry` must
/// outlive this.
class KafkaClientMetrics {
 public:
  /// `roles`: the clients this process has. `start`: the first value of the statistics' time.
  KafkaClientMetrics(Registry& registry, const std::vector<ClientRole>& roles,
                     std::chrono::system_clock::time_point start);
  ~KafkaClientMetrics();
  KafkaClientMetrics(const KafkaClientMetrics&) = delete;
  KafkaClientMetrics& operator=(const KafkaClientMetrics&) = delete;

  /// `json`: as given to kafka::ClientObserver::OnStatistics. A document that cannot be read changes nothing: the age
  /// of the statistics shows it.
  void Update(ClientRole role, std::string_view json, std::chrono::system_clock::time_point now);
  void Update(ClientRole role, KafkaStatistics statistics, std::chrono::system_clock::time_point now);
  /// `code`: as given to kafka::ClientObserver::OnClientError.
  void ClientErrorSeen(ClientRole role, std::string_view code);

 private:
  class Snapshots;
  std::shared_ptr<Snapshots> snapshots_;
  Table<Counter, ClientRole, ClientError> errors_;
};

}  // namespace keystrand::metrics
