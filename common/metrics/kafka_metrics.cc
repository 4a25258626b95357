#include "common/metrics/kafka_metrics.h"

#include <map>
#include <mutex>
#include <utility>

#include "common/metrics/buckets.h"
#include "common/metrics/seconds.h"

namespace keystrand::metrics {
namespace {

using Type = Family::Type;
using Statistics = KafkaStatistics;

constexpr Name kProduceDuration{"keystrand_produce_duration_seconds", "Produce call to delivery report"};
constexpr Name kProduced{"keystrand_produce_total", "Records produced, by topic and result"};
constexpr Name kClientErrors{"keystrand_kafka_client_errors_total", "Errors that a client reports outside of any call"};
constexpr Name kStatsTime{"keystrand_kafka_client_stats_timestamp_seconds", "When the client's statistics last came"};
constexpr Name kLag{"keystrand_kafka_partition_lag", "Records behind the committed offset, as this client sees it"};
constexpr Name kStoredLag{"keystrand_kafka_partition_stored_lag", "Records behind the stored offset"};
constexpr Name kFetchQueue{"keystrand_kafka_partition_fetch_queue_messages", "Records prefetched and not yet taken"};

struct ClientGauge {
  Name name;
  ClientRole role;  ///< the one it means something for; kAdmin: all
  double (*value)(const Statistics&);
};
constexpr ClientGauge kClientGauges[] = {
    {{"keystrand_kafka_producer_queue_messages", "Records that wait for their delivery report"},
     ClientRole::kProducer,
     [](const Statistics& s) { return static_cast<double>(s.queue_messages); }},
    {{"keystrand_kafka_producer_queue_max_messages", "Most records that may wait"},
     ClientRole::kProducer,
     [](const Statistics& s) { return static_cast<double>(s.queue_messages_max); }},
    {{"keystrand_kafka_callback_queue_length", "Callbacks that wait to be served"},
     ClientRole::kAdmin,
     [](const Statistics& s) { return static_cast<double>(s.callback_queue_length); }},
    {{"keystrand_kafka_consumer_assigned_partitions", "Partitions assigned to this consumer"},
     ClientRole::kConsumer,
     [](const Statistics& s) { return static_cast<double>(s.assigned_partitions); }},
    {{"keystrand_kafka_consumer_steady", "1 while no rebalance is under way"},
     ClientRole::kConsumer,
     [](const Statistics& s) { return s.steady ? 1.0 : 0.0; }},
};

struct BrokerMetric {
  Name name;
  Type type;
  double (*value)(const Statistics::Broker&);
};
constexpr BrokerMetric kBrokerMetrics[] = {
    {{"keystrand_kafka_broker_up", "1 while the connection to the broker is up"},
     Type::kGauge,
     [](const Statistics::Broker& b) { return b.up ? 1.0 : 0.0; }},
    {{"keystrand_kafka_broker_rtt_avg_seconds", "Round trip to the broker, average"},
     Type::kGauge,
     [](const Statistics::Broker& b) { return b.rtt_avg_us / 1e6; }},
    {{"keystrand_kafka_broker_rtt_p99_seconds", "Round trip to the broker, 99th percentile"},
     Type::kGauge,
     [](const Statistics::Broker& b) { return b.rtt_p99_us / 1e6; }},
    {{"keystrand_kafka_broker_throttle_avg_seconds", "Throttling by the broker, average"},
     Type::kGauge,
     [](const Statistics::Broker& b) { return b.throttle_avg_ms / 1e3; }},
    {{"keystrand_kafka_broker_tx_errors_total", "Failed sends to the broker"},
     Type::kCounter,
     [](const Statistics::Broker& b) { return static_cast<double>(b.tx_errors); }},
    {{"keystrand_kafka_broker_rx_errors_total", "Failed reads from the broker"},
     Type::kCounter,
     [](const Statistics::Broker& b) { return static_cast<double>(b.rx_errors); }},
    {{"keystrand_kafka_broker_retries_total", "Requests sent again to the broker"},
     Type::kCounter,
     [](const Statistics::Broker& b) { return static_cast<double>(b.retries); }},
    {{"keystrand_kafka_broker_request_timeouts_total", "Requests the broker did not answer in time"},
     Type::kCounter,
     [](const Statistics::Broker& b) { return static_cast<double>(b.request_timeouts); }},
    {{"keystrand_kafka_broker_disconnects_total", "Connections to the broker that were lost"},
     Type::kCounter,
     [](const Statistics::Broker& b) { return static_cast<double>(b.disconnects); }},
    {{"keystrand_kafka_broker_tx_bytes_total", "Bytes sent to the broker"},
     Type::kCounter,
     [](const Statistics::Broker& b) { return static_cast<double>(b.tx_bytes); }},
    {{"keystrand_kafka_broker_rx_bytes_total", "Bytes received from the broker"},
     Type::kCounter,
     [](const Statistics::Broker& b) { return static_cast<double>(b.rx_bytes); }},
};

bool Has(const std::vector<ClientRole>& roles, ClientRole role) {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

Labels ClientLabel(ClientRole role) { return {{"client", std::string(NameOf(role))}}; }

Labels PartitionLabels(const Statistics::Partition& partition) {
  return {{"topic", partition.topic}, {"partition", std::to_string(partition.partition)}};
}

void AddPartition(const Statistics::Partition& partition, Family& lag, Family& stored_lag, Family& fetch_queue) {
  if (!partition.desired || partition.partition < 0) return;
  const auto labels = PartitionLabels(partition);
  if (partition.lag >= 0) lag.samples.push_back({labels, static_cast<double>(partition.lag)});
  if (partition.stored_lag >= 0) stored_lag.samples.push_back({labels, static_cast<double>(partition.stored_lag)});
  fetch_queue.samples.push_back({labels, static_cast<double>(partition.fetch_queue_messages)});
}

}  // namespace

ProduceMetrics::ProduceMetrics(Registry& registry, const std::string& topic)
    : duration_(registry.AddHistogram(kProduceDuration, {{"topic", topic}}, buckets::Handler())) {
  for (const auto result : kLabelValues<ProduceResult>) {
    results_.push_back(registry.AddCounter(kProduced, {{"topic", topic}, {"result", std::string(result)}}));
  }
}

void ProduceMetrics::Produced(ProduceResult result, std::chrono::nanoseconds took) {
  results_[static_cast<std::size_t>(result)].Increment();
  duration_.Observe(Seconds(took));
}

/// The newest statistics of each client.
class KafkaClientMetrics::Snapshots {
 public:
  Snapshots(const std::vector<ClientRole>& roles, std::chrono::system_clock::time_point start) {
    for (const auto role : roles) snapshots_[role].time = start;
  }

  void Set(ClientRole role, Statistics statistics, std::chrono::system_clock::time_point now) {
    const std::lock_guard lock(mutex_);
    snapshots_[role] = {std::move(statistics), now};
  }

  std::vector<Family> Families() {
    const std::lock_guard lock(mutex_);
    std::vector<Family> families;
    families.push_back(Times());
    for (const auto& gauge : kClientGauges) families.push_back(ClientFamily(gauge));
    for (const auto& metric : kBrokerMetrics) families.push_back(BrokerFamily(metric));
    AddPartitions(families);
    return families;
  }

 private:
  struct Snapshot {
    Statistics statistics;
    std::chrono::system_clock::time_point time;
  };

  [[nodiscard]] Family Times() const {
    Family family{kStatsTime, Type::kGauge, {}};
    for (const auto& [role, snapshot] : snapshots_) {
      family.samples.push_back({ClientLabel(role), UnixSeconds(snapshot.time)});
    }
    return family;
  }

  [[nodiscard]] Family ClientFamily(const ClientGauge& gauge) const {
    Family family{gauge.name, Type::kGauge, {}};
    for (const auto& [role, snapshot] : snapshots_) {
      if (gauge.role != ClientRole::kAdmin && gauge.role != role) continue;
      family.samples.push_back({ClientLabel(role), gauge.value(snapshot.statistics)});
    }
    return family;
  }

  [[nodiscard]] Family BrokerFamily(const BrokerMetric& metric) const {
    Family family{metric.name, metric.type, {}};
    for (const auto& [role, snapshot] : snapshots_) {
      for (const auto& broker : snapshot.statistics.brokers) {
        if (broker.node_id < 0 || !broker.reached) continue;
        auto labels = ClientLabel(role);
        labels.emplace_back("broker", std::to_string(broker.node_id));
        family.samples.push_back({std::move(labels), metric.value(broker)});
      }
    }
    return family;
  }

  void AddPartitions(std::vector<Family>& families) const {
    const auto consumer = snapshots_.find(ClientRole::kConsumer);
    if (consumer == snapshots_.end()) return;
    Family lag{kLag, Type::kGauge, {}};
    Family stored_lag{kStoredLag, Type::kGauge, {}};
    Family fetch_queue{kFetchQueue, Type::kGauge, {}};
    for (const auto& partition : consumer->second.statistics.partitions) {
      AddPartition(partition, lag, stored_lag, fetch_queue);
    }
    families.insert(families.end(), {std::move(lag), std::move(stored_lag), std::move(fetch_queue)});
  }

  std::mutex mutex_;
  std::map<ClientRole, Snapshot> snapshots_;
};

KafkaClientMetrics::KafkaClientMetrics(Registry& registry, const std::vector<ClientRole>& roles,
                                       std::chrono::system_clock::time_point start)
    : snapshots_(std::make_shared<Snapshots>(roles, start)),
      errors_(CountersOf(registry, kClientErrors), {"client", "code"},
              [&roles](ClientRole role, ClientError /*code*/) { return Has(roles, role); }) {
  registry.AddSource([snapshots = snapshots_] { return snapshots->Families(); });
}

KafkaClientMetrics::~KafkaClientMetrics() = default;

void KafkaClientMetrics::Update(ClientRole role, std::string_view json, std::chrono::system_clock::time_point now) {
  auto statistics = ParseKafkaStatistics(json);
  if (statistics) Update(role, std::move(*statistics), now);
}

void KafkaClientMetrics::Update(ClientRole role, KafkaStatistics statistics,
                                std::chrono::system_clock::time_point now) {
  snapshots_->Set(role, std::move(statistics), now);
}

void KafkaClientMetrics::ClientErrorSeen(ClientRole role, std::string_view code) {
  errors_.At(role, ClientErrorOf(code)).Increment();
}

}  // namespace keystrand::metrics
