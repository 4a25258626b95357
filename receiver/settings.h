#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/config/reader.h"
#include "common/http/client_address.h"
#include "common/kafka/topic_watch.h"
#include "common/log/log.h"
#include "receiver/endpoint_config.h"

namespace keystrand::receiver {

inline constexpr const char* kEventsTopic = "keystrand.events";

/// All that an operator can set. Each field's reason and bounds: settings.cc, --help.
struct Settings {
  config::Listen listen{"0.0.0.0", 8080};
  config::Listen admin_listen{"127.0.0.1", 9101};
  bool reuse_port = false;
  int threads = 1;  ///< cores, once read
  log::Level log_level = log::Level::kInfo;

  std::string kafka_brokers;
  std::string events_topic = kEventsTopic;
  std::string dead_letters_topic;  ///< empty: as it is called beside kEventsTopic, none beside another
  kafka::Durability durability = kafka::Durability::kReplicated;
  std::chrono::milliseconds topic_check_interval{60'000};
  std::map<std::string, std::string> kafka_properties;
  std::chrono::milliseconds ack_timeout{5'000};
  std::int64_t queue_bytes_max = std::int64_t{16} * 1024 * 1024;

  EndpointConfig default_endpoint;        ///< of flags and environment
  config::Sections endpoint_sections;     ///< `[endpoint.NAME]` of the file
  std::vector<EndpointConfig> endpoints;  ///< those that are served, once read: of the above
  std::chrono::seconds tolerance{300};
  std::string account;

  std::string tls_certificate_file;
  std::string tls_key_file;
  std::vector<std::string> tls_server_names;
  http::ClientAddressSettings client_address;

  std::int64_t target_bytes_max = 2'048;
  std::int64_t head_bytes_max = 8'192;
  std::int64_t field_bytes_max = 4'096;
  std::int64_t fields_max = 64;
  std::int64_t body_bytes_max = std::int64_t{1024} * 1024;
  std::chrono::milliseconds tls_handshake_timeout{5'000};
  std::chrono::milliseconds header_timeout{5'000};
  std::chrono::milliseconds body_timeout{10'000};
  std::chrono::milliseconds idle_timeout{30'000};
  std::chrono::milliseconds write_timeout{10'000};
  std::chrono::milliseconds linger_timeout{1'000};
  std::int64_t requests_per_connection_max = 1'000;
  std::int64_t connections_max = 8'192;
  std::int64_t connections_per_address_max = 1'024;
  std::int64_t requests_in_flight_max = 2'048;
  std::int64_t bytes_in_flight_max = std::int64_t{64} * 1024 * 1024;
  std::chrono::milliseconds drain_grace{5'000};
};

/// Fills `settings` from command line, environment and file. All problems are told together in the outcome.
[[nodiscard]] config::Outcome ReadSettings(int argc, const char* const* argv, const config::Environment& environment,
                                           Settings& settings);

}  // namespace keystrand::receiver
