#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/metrics/table.h"

namespace keystrand::metrics {

/// What a program shows of its use of PostgreSQL. Thread-safe; `registry` must outlive this.
class DatabaseMetrics {
 public:
  /// `operations`: the names of the program's statements, at most 15 with "commit". Others are counted as "other".
  DatabaseMetrics(Registry& registry, const std::vector<std::string_view>& operations, int connections_max);

  void Operation(std::string_view operation, std::chrono::nanoseconds took);
  /// `sqlstate`: empty for a connection that broke.
  void Error(std::string_view operation, std::string_view sqlstate);
  void WaitedForConnection(std::chrono::nanoseconds waited);
  void SetConnections(int in_use, int idle);

  Counter reconnects;

 private:
  struct PerOperation {
    Histogram duration;
    Table<Counter, DatabaseErrorClass> errors;
  };
  PerOperation Make(std::string_view operation) const;
  PerOperation& Find(std::string_view operation);

  Registry& registry_;
  std::map<std::string, PerOperation, std::less<>> operations_;  // not changed after construction
  Table<Gauge, ConnectionState> connections_;
  Gauge connections_max_;
  Histogram connection_wait_;
};

}  // namespace keystrand::metrics
