#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "common/metrics/registry.h"

namespace keystrand::metrics {

/// One bound, in the unit that its name ends in.
struct BoundFigure {
  std::string_view name;   ///< label `bound`, from a closed list: "header_seconds", "connections_per_address"
  double limit = 0;        ///< as configured; for what the system bounds, 0
  std::uint64_t hits = 0;  ///< how often something was turned away or ended for it
};

/// What an HTTP server counts by itself, as of now.
struct HttpFigures {
  std::uint64_t connections = 0;
  std::uint64_t connections_accepted = 0;
  std::uint64_t bytes_in_flight = 0;
  std::uint64_t handshakes_completed = 0;
  std::uint64_t handshakes_failed = 0;
  std::uint64_t proxy_headers_refused = 0;
  std::chrono::sys_seconds certificate_expiry{};  ///< 0: no TLS
  std::vector<BoundFigure> bounds;
};

/// Shows them. `figures` is asked at each scrape; what it refers to must outlive the registry's last Text.
void AddHttpMetrics(Registry& registry, std::function<HttpFigures()> figures);

}  // namespace keystrand::metrics
