#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/metrics/registry.h"

namespace keystrand::metrics {

struct ReadyCheck {
  std::string name;  ///< from a closed list
  bool ok = false;
};

struct ProcessInfo {
  std::string version;
  std::string revision;
  /// The checks of /readyz, asked at each scrape. What it refers to must outlive the registry's last Text.
  std::function<std::vector<ReadyCheck>()> ready_checks;
};

/// What every program shows: process_*, the build, readiness, log lines. `registry` must outlive this.
class ProcessMetrics {
 public:
  ProcessMetrics(Registry& registry, ProcessInfo info);
  Gauge draining;  ///< 1 from SIGTERM on
};

}  // namespace keystrand::metrics
