#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/core/result.h"

namespace keystrand::kafka {

/// How to reach the brokers; the same for every client of a program.
struct ClientSettings {
  std::string brokers;                            ///< host:port, comma separated
  std::string client_id = "keystrand";            ///< shows in broker logs and quotas
  std::map<std::string, std::string> properties;  ///< passed through to librdkafka (TLS, SASL, timeouts, …)
};

/// Refuses properties that a promise rests on (acks, idempotence, commit and offset handling, …) and names that
/// librdkafka does not know or values that it does not take. The detail names the property and the remedy, one line per
/// problem, never a value (passwords pass through here).
Result<> CheckProperties(const ClientSettings& settings);

/// What a client reports besides records. All calls come from the thread that serves the client. Defaults do nothing.
class ClientObserver {
 public:
  virtual ~ClientObserver() = default;
  /// Every 5 s (statistics.interval.ms): librdkafka's statistics document (JSON).
  virtual void OnStatistics(std::string_view /*json*/) {}
  /// A client-wide error, e.g. "_ALL_BROKERS_DOWN": `code` is librdkafka's error name, of a fatal error that of its
  /// cause. Informational unless `fatal`.
  virtual void OnClientError(std::string_view /*code*/, std::string_view /*reason*/, bool /*fatal*/) {}
};

}  // namespace keystrand::kafka
