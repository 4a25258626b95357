#pragma once

#include "common/http/server.h"
#include "common/metrics/http_metrics.h"
#include "receiver/settings.h"

namespace keystrand::receiver {

/// The server's settings; raises the descriptor limit as far as it goes, and bounds the connections by it.
[[nodiscard]] http::ServerSettings ServerSettingsOf(const Settings& settings);

[[nodiscard]] http::TlsSettings TlsSettingsOf(const Settings& settings);

/// Every bound of the receiver with its limit, and how often it was met. `queue_hits`: of queue-bytes-max.
[[nodiscard]] std::vector<metrics::BoundFigure> BoundsOf(const Settings& settings, const http::ServerStats& stats,
                                                         std::uint64_t queue_hits);

}  // namespace keystrand::receiver
