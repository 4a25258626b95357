#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/config/reader.h"
#include "common/kafka/topic_watch.h"
#include "common/log/log.h"

namespace keystrand::receiver {

/// All that an operator can set. Each field's reason and bounds: settings.cc, --help.
struct Settings {
  config::Listen listen{"0.0.0.0", 8080};
  config::Listen admin_listen{"127.0.0.1", 9101};
  bool reuse_port = false;
  int threads = 1;  ///< cores, once read
  log::Level log_level = log::Level::kInfo;

  std::string kafka_brokers;
  std::string events_topic = "keystrand.events";
  kafka::Durability durability = kafka::Durability::kReplicated;
  std::map<std::string, std::string> kafka_properties;
  std::chrono::milliseconds ack_timeout{5'000};
  std::int64_t queue_bytes_max = 16 * 1024 * 1024;

  std::string endpoint_path = "/webhooks/stripe";
  std::vector<config::Secret> signing_secrets;
  std::string signing_secrets_file;
  std::chrono::seconds tolerance{300};
  std::string account;

  std::int64_t body_bytes_max = 1024 * 1024;
  std::chrono::milliseconds header_timeout{5'000};
  std::chrono::milliseconds body_timeout{10'000};
  std::chrono::milliseconds idle_timeout{30'000};
  std::chrono::milliseconds write_timeout{10'000};
  std::int64_t requests_per_connection_max = 1'000;
  std::int64_t connections_max = 8'192;
  std::int64_t bytes_in_flight_max = 64 * 1024 * 1024;
  std::chrono::milliseconds drain_grace{5'000};
};

/// Fills `settings` from command line, environment and file. All problems are told together in the outcome.
[[nodiscard]] config::Outcome ReadSettings(int argc, const char* const* argv, const config::Environment& environment,
                                           Settings& settings);

/// The signing secrets that are configured, given or in the file, the primary first.
/// Errors: kRejected (the file cannot be read).
[[nodiscard]] Result<std::vector<std::string>> ConfiguredSecrets(const Settings& settings);

}  // namespace keystrand::receiver
