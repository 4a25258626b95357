#include "receiver/settings.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "common/core/build_info.h"
#include "common/core/clock.h"
#include "common/http/request_head.h"
#include "common/http/tls.h"

namespace keystrand::receiver {
namespace {

using std::chrono::milliseconds;
using Problems = std::vector<std::string>;

constexpr std::int64_t kGiB = std::int64_t{1024} * 1024 * 1024;
constexpr std::int64_t kMiB = std::int64_t{1024} * 1024;

void AddProcess(config::Reader& reader, Settings& settings) {
  reader.Add(settings.listen, {"listen", "where deliveries arrive; all addresses, since they come from outside"});
  reader.Add(
      settings.admin_listen,
      {"admin-listen", "where /livez, /readyz, /metrics and /version are served; keep it off the public network"});
  reader.Add(settings.reuse_port, {"reuse-port",
                                   "let a second receiver listen on the same port (SO_REUSEPORT), for a "
                                   "restart without a gap; off, so that a second start is refused"});
  reader.Add(settings.threads, {"threads", "event loops, one thread each; one per core"}, {1, 256});
  reader.Add(settings.log_level, {"log-level", "lowest level that is logged; debug adds a line per delivery"},
             {{"debug", log::Level::kDebug},
              {"info", log::Level::kInfo},
              {"warn", log::Level::kWarn},
              {"error", log::Level::kError}});
  reader.Add(settings.drain_grace,
             {"drain-grace-ms", "after SIGTERM: how long to serve on, not ready, until load balancers have noticed"},
             {milliseconds(0), milliseconds(60'000)});
}

void AddKafka(config::Reader& reader, Settings& settings) {
  reader.Add(settings.kafka_brokers, {"kafka-brokers", "host:port of one or more brokers, comma separated", true});
  reader.Add(settings.events_topic, {"events-topic", "the topic that takes the raw events"});
  reader.Add(settings.dead_letters_topic,
             {"dead-letters-topic",
              "the worker's topic for what cannot be applied, only looked at: at the start it must have as many "
              "partitions as the events topic, or one of them has grown. Unless given: keystrand.dead-letters beside "
              "keystrand.events, none beside another"});
  reader.Add(settings.durability,
             {"durability",
              "what the topic must be: replicated (at least 3 copies, 2 of them in sync), or "
              "single-broker for local use"},
             {{"replicated", kafka::Durability::kReplicated}, {"single-broker", kafka::Durability::kSingleBroker}});
  reader.Add(settings.topic_check_interval,
             {"topic-check-interval-ms",
              "how often the topic is held against what it must be; every second while it is not that"},
             {milliseconds(100), milliseconds(3'600'000)});
  reader.AddKafkaProperties(settings.kafka_properties);
  reader.Add(settings.ack_timeout,
             {"ack-timeout-ms",
              "how long a delivery waits for Kafka's acknowledgement before it is answered 503; "
              "Stripe sends it again"},
             {milliseconds(10), milliseconds(30'000)});
  reader.Add(settings.queue_bytes_max,
             {"queue-bytes-max", "bytes that may wait for Kafka's acknowledgement; more would only delay a recovery"},
             {kMiB, kGiB}, "bytes");
}

void AddEndpoints(config::Reader& reader, Settings& settings) {
  EndpointConfig& endpoint = settings.default_endpoint;
  reader.Add(endpoint.path, {"endpoint-path", "path of the webhook; a query after it is ignored"});
  reader.Add(endpoint.secrets, {"signing-secrets",
                                "signing secrets of the endpoint (whsec_…), the primary "
                                "first; several while one is being rolled"});
  reader.Add(endpoint.secrets_file, {"signing-secrets-file",
                                     "file with one signing secret a line, read again "
                                     "on SIGHUP and when it changes"});
  reader.Add(
      endpoint.expected_mode,
      {"expected-mode",
       "mode of the events that belong here; those of the other are kept and ignored, where an operator sees it"},
      std::vector<std::string>{"any", "live", "test"});
  reader.AddSections("endpoint", EndpointKeys(), settings.endpoint_sections);
  reader.Add(settings.tolerance,
             {"tolerance-seconds", "how far a signature's time may be from ours, either way; Stripe's own default"},
             {std::chrono::seconds(1), std::chrono::seconds(3600)});
  reader.Add(settings.account, {"account",
                                "your own account (acct_…), so that events that name it and events that "
                                "do not share their customers' keys"});
}

void AddTransport(config::Reader& reader, Settings& settings) {
  reader.Add(settings.tls_certificate_file,
             {"tls-certificate-file",
              "PEM certificate and its intermediates: then deliveries come over TLS 1.2 or 1.3 only; "
              "read again on SIGHUP and when it changes"});
  reader.Add(settings.tls_key_file, {"tls-key-file", "PEM key of the certificate, without a passphrase"});
  reader.Add(settings.tls_server_names,
             {"tls-server-names", "names that clients may ask for (SNI); empty: any name, or none"});
  reader.Add(settings.client_address.source,
             {"client-address",
              "where a client's address is read: connection, or behind a proxy proxy-protocol (version 2) "
              "or forwarded-for (X-Forwarded-For)"},
             {{"connection", http::ClientAddressSource::kConnection},
              {"proxy-protocol", http::ClientAddressSource::kProxyProtocol},
              {"forwarded-for", http::ClientAddressSource::kForwardedFor}});
  reader.Add(
      settings.client_address.trusted_proxies,
      {"trusted-proxies", "addresses and CIDR blocks of the proxies that are believed about a client's address"});
}

void AddDeadlines(config::Reader& reader, Settings& settings) {
  const config::Range<milliseconds> timeout{milliseconds(10), milliseconds(600'000)};
  reader.Add(settings.tls_handshake_timeout,
             {"tls-handshake-timeout-ms", "for a TLS handshake, which takes two round trips"}, timeout);
  reader.Add(settings.header_timeout, {"header-timeout-ms", "for the whole head of a request"}, timeout);
  reader.Add(settings.body_timeout, {"body-timeout-ms", "for the whole body of a request"}, timeout);
  reader.Add(settings.idle_timeout, {"idle-timeout-ms", "for the next request on a connection"}, timeout);
  reader.Add(settings.write_timeout, {"write-timeout-ms", "for an answer that is not being read"}, timeout);
  reader.Add(settings.linger_timeout,
             {"linger-timeout-ms", "after a connection's last answer: a close at once could overtake it"}, timeout);
}

void AddBounds(config::Reader& reader, Settings& settings) {
  reader.Add(settings.target_bytes_max, {"target-bytes-max", "request target; a webhook's has under 200 bytes"},
             {64, 16'384}, "bytes");
  reader.Add(settings.head_bytes_max,
             {"head-bytes-max", "all header fields of a request; Stripe sends about 600 bytes"}, {1024, 65'536},
             "bytes");
  reader.Add(settings.field_bytes_max, {"field-bytes-max", "one header field; a signature with 16 secrets has 1.1 KiB"},
             {256, 65'536}, "bytes");
  reader.Add(settings.fields_max,
             {"fields-max", "header fields of a request; Stripe sends about ten, and proxies add a few"},
             {8, static_cast<std::int64_t>(http::kFieldsMax)});
  reader.Add(settings.body_bytes_max,
             {"body-bytes-max", "largest body; the largest genuine events have some hundred KB"}, {1024, 64 * kMiB},
             "bytes");
  reader.Add(settings.requests_per_connection_max,
             {"requests-per-connection-max", "then a connection ends, so that load moves to new instances"},
             {1, 1'000'000'000});
  reader.Add(settings.connections_max,
             {"connections-max", "open connections, 16 KiB each; lowered at start to what the descriptor limit allows"},
             {1, 1'000'000});
  reader.Add(settings.connections_per_address_max,
             {"connections-per-address-max",
              "open connections of one client address (IPv6: of one /64); Stripe's come from 15 addresses"},
             {1, 1'000'000});
  reader.Add(settings.requests_in_flight_max,
             {"requests-in-flight-max", "requests being read or waiting for their answer; over it 503"},
             {1, 1'000'000});
  reader.Add(settings.bytes_in_flight_max,
             {"bytes-in-flight-max", "bodies being read or waiting for their answer; over it 503"}, {kMiB, 64 * kGiB},
             "bytes");
}

/// Decides which endpoints are served, and says what is wrong with them.
Problems TakeEndpoints(Settings& settings) {
  Problems problems;
  settings.endpoints = EndpointsOf(settings.endpoint_sections, problems);
  const EndpointConfig& by_flags = settings.default_endpoint;
  if (settings.endpoints.empty() || !by_flags.secrets.empty() || !by_flags.secrets_file.empty()) {
    settings.endpoints.insert(settings.endpoints.begin(), by_flags);
  }
  for (std::string& problem : ProblemsOf(settings.endpoints)) problems.push_back(std::move(problem));
  return problems;
}

Problems TlsProblems(const Settings& settings) {
  if (settings.tls_certificate_file.empty() != settings.tls_key_file.empty()) {
    return {"tls-certificate-file and tls-key-file: give both, or neither"};
  }
  if (settings.tls_certificate_file.empty()) {
    if (settings.tls_server_names.empty()) return {};
    return {"tls-server-names: give tls-certificate-file and tls-key-file too"};
  }
  const auto loaded =
      http::TlsContext::Load({settings.tls_certificate_file, settings.tls_key_file, {}}, SystemClock().Now());
  if (loaded) return {};
  return {"tls-certificate-file, tls-key-file: " + loaded.error().detail};
}

Problems ProxyProblems(const Settings& settings) {
  const http::ClientAddressSettings& client = settings.client_address;
  const bool believed = client.source != http::ClientAddressSource::kConnection;
  if (believed && client.trusted_proxies.empty()) {
    return {"trusted-proxies: give the proxies' addresses; without them anyone could claim any address"};
  }
  if (const auto checked = http::CheckNetworks(client.trusted_proxies); !checked) {
    return {"trusted-proxies: " + checked.error().detail};
  }
  return {};
}

Problems AccountProblems(const Settings& settings) {
  if (settings.account.empty() || settings.account.starts_with("acct_")) return {};
  return {"account: give an account id, which begins with acct_"};
}

Problems ListenProblems(const Settings& settings) {
  const bool same = settings.listen.port != 0 && settings.listen.port == settings.admin_listen.port;
  if (!same) return {};
  return {"admin-listen: give another port than listen has"};
}

Problems KafkaProblems(const Settings& settings) {
  const auto checked =
      kafka::CheckProperties({settings.kafka_brokers, "keystrand-receiver", settings.kafka_properties});
  if (checked) return {};
  return {checked.error().detail};
}

}  // namespace

config::Outcome ReadSettings(int argc, const char* const* argv, const config::Environment& environment,
                             Settings& settings) {
  config::Reader reader({"keystrand-receiver",
                         "Takes Stripe's webhook deliveries and answers 200 once Kafka holds them.",
                         std::string(kVersion) + " (" + kRevision + ")"});
  settings.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  AddProcess(reader, settings);
  AddKafka(reader, settings);
  AddEndpoints(reader, settings);
  AddTransport(reader, settings);
  AddDeadlines(reader, settings);
  AddBounds(reader, settings);
  reader.Check({"signing-secrets", "signing-secrets-file", "endpoint-path", "expected-mode"},
               [&] { return TakeEndpoints(settings); });
  reader.Check({"tls-certificate-file", "tls-key-file"}, [&] { return TlsProblems(settings); });
  reader.Check({"client-address", "trusted-proxies"}, [&] { return ProxyProblems(settings); });
  reader.Check({"account"}, [&] { return AccountProblems(settings); });
  reader.Check({"listen", "admin-listen"}, [&] { return ListenProblems(settings); });
  reader.Check({"kafka-brokers", "kafka"}, [&] { return KafkaProblems(settings); });
  return reader.Read(argc, argv, environment);
}

}  // namespace keystrand::receiver
