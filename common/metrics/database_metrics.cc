#include "common/metrics/database_metrics.h"

#include "common/metrics/buckets.h"
#include "common/metrics/seconds.h"

namespace keystrand::metrics {
namespace {

constexpr Name kDuration{"keystrand_db_operation_duration_seconds", "One statement or commit, as the client sees it"};
constexpr Name kErrors{"keystrand_db_errors_total", "Failed statements and commits, by class of SQLSTATE"};
constexpr Name kConnections{"keystrand_db_connections", "Connections by state"};
constexpr Name kConnectionsMax{"keystrand_db_connections_max", "Most connections this process opens"};
constexpr Name kConnectionWait{"keystrand_db_connection_wait_seconds", "How long a batch waited for a connection"};
constexpr Name kReconnects{"keystrand_db_reconnects_total", "Connections opened anew after one was lost"};

constexpr std::string_view kOther = "other";

}  // namespace

DatabaseMetrics::DatabaseMetrics(Registry& registry, const std::vector<std::string_view>& operations,
                                 int connections_max)
    : reconnects(registry.AddCounter(kReconnects)),
      registry_(registry),
      connections_(GaugesOf(registry, kConnections), {"state"}),
      connections_max_(registry.AddGauge(kConnectionsMax)),
      connection_wait_(registry.AddHistogram(kConnectionWait, {}, buckets::Database())) {
  connections_max_.Set(connections_max);
  for (const auto operation : operations) operations_.emplace(operation, Make(operation));
  operations_.emplace(kOther, Make(kOther));
}

DatabaseMetrics::PerOperation DatabaseMetrics::Make(std::string_view operation) const {
  const std::string name(operation);
  auto errors = [&registry = registry_, name](const Labels& labels) {
    Labels with_operation{{"operation", name}};
    with_operation.insert(with_operation.end(), labels.begin(), labels.end());
    return registry.AddCounter(kErrors, with_operation);
  };
  return {registry_.AddHistogram(kDuration, {{"operation", name}}, buckets::Database()),
          Table<Counter, DatabaseErrorClass>(errors, {"class"})};
}

DatabaseMetrics::PerOperation& DatabaseMetrics::Find(std::string_view operation) {
  const auto found = operations_.find(operation);
  return found != operations_.end() ? found->second : operations_.find(kOther)->second;
}

void DatabaseMetrics::Operation(std::string_view operation, std::chrono::nanoseconds took) {
  Find(operation).duration.Observe(Seconds(took));
}

void DatabaseMetrics::Error(std::string_view operation, std::string_view sqlstate) {
  Find(operation).errors.At(DatabaseErrorClassOf(sqlstate)).Increment();
}

void DatabaseMetrics::WaitedForConnection(std::chrono::nanoseconds waited) {
  connection_wait_.Observe(Seconds(waited));
}

void DatabaseMetrics::SetConnections(int in_use, int idle) {
  connections_.At(ConnectionState::kInUse).Set(in_use);
  connections_.At(ConnectionState::kIdle).Set(idle);
}

}  // namespace keystrand::metrics
