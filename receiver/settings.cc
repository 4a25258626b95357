#include "receiver/settings.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "common/core/build_info.h"
#include "receiver/signing_secrets.h"

namespace keystrand::receiver {
namespace {

using std::chrono::milliseconds;
using Problems = std::vector<std::string>;

constexpr std::int64_t kGiB = 1024 * 1024 * 1024;
constexpr std::int64_t kMiB = 1024 * 1024;

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
  reader.Add(settings.durability,
             {"durability",
              "what the topic must be: replicated (at least 3 copies, 2 of them in sync), or "
              "single-broker for local use"},
             {{"replicated", kafka::Durability::kReplicated}, {"single-broker", kafka::Durability::kSingleBroker}});
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

void AddEndpoint(config::Reader& reader, Settings& settings) {
  reader.Add(settings.endpoint_path, {"endpoint-path", "path of the webhook; a query after it is ignored"});
  reader.Add(settings.signing_secrets, {"signing-secrets",
                                        "signing secrets of the endpoint (whsec_…), the primary "
                                        "first; several while one is being rolled"});
  reader.Add(settings.signing_secrets_file, {"signing-secrets-file",
                                             "file with one signing secret a line, read again "
                                             "on SIGHUP and when it changes"});
  reader.Add(settings.tolerance,
             {"tolerance-seconds", "how far a signature's time may be from ours, either way; Stripe's own default"},
             {std::chrono::seconds(1), std::chrono::seconds(3600)});
  reader.Add(settings.account, {"account",
                                "your own account (acct_…), so that events that name it and events that "
                                "do not share their customers' keys"});
}

void AddBounds(config::Reader& reader, Settings& settings) {
  const config::Range<milliseconds> timeout{milliseconds(10), milliseconds(600'000)};
  reader.Add(settings.body_bytes_max,
             {"body-bytes-max", "largest body; the largest genuine events have some hundred KB"}, {1024, 64 * kMiB},
             "bytes");
  reader.Add(settings.header_timeout, {"header-timeout-ms", "for the whole head of a request"}, timeout);
  reader.Add(settings.body_timeout, {"body-timeout-ms", "for the whole body of a request"}, timeout);
  reader.Add(settings.idle_timeout, {"idle-timeout-ms", "for the next request on a connection"}, timeout);
  reader.Add(settings.write_timeout, {"write-timeout-ms", "for an answer that is not being read"}, timeout);
  reader.Add(settings.requests_per_connection_max,
             {"requests-per-connection-max", "then a connection ends, so that load moves to new instances"},
             {1, 1'000'000'000});
  reader.Add(settings.connections_max,
             {"connections-max", "open connections, 16 KiB each; lowered at start to what the descriptor limit allows"},
             {1, 1'000'000});
  reader.Add(settings.bytes_in_flight_max,
             {"bytes-in-flight-max", "bodies being read or waiting for their answer; over it 503"}, {kMiB, 64 * kGiB},
             "bytes");
}

Problems SecretProblems(const Settings& settings) {
  if (!settings.signing_secrets.empty() && !settings.signing_secrets_file.empty()) {
    return {"signing-secrets and signing-secrets-file: give one of them"};
  }
  const auto secrets = ConfiguredSecrets(settings);
  if (!secrets) return {"signing-secrets-file: " + secrets.error().detail};
  const std::string name = settings.signing_secrets_file.empty() ? "signing-secrets: " : "signing-secrets-file: ";
  Problems problems;
  for (const std::string& problem : ProblemsOf(*secrets)) problems.push_back(name + problem);
  return problems;
}

Problems PathProblems(const Settings& settings) {
  const std::string& path = settings.endpoint_path;
  const bool printable = std::all_of(path.begin(), path.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  if (path.starts_with('/') && printable && path.find_first_of("?#") == std::string::npos) return {};
  return {"endpoint-path: give a path that begins with / and has no space, ? or #"};
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
  settings.threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  AddProcess(reader, settings);
  AddKafka(reader, settings);
  AddEndpoint(reader, settings);
  AddBounds(reader, settings);
  reader.Check({"signing-secrets", "signing-secrets-file"}, [&] { return SecretProblems(settings); });
  reader.Check({"endpoint-path"}, [&] { return PathProblems(settings); });
  reader.Check({"account"}, [&] { return AccountProblems(settings); });
  reader.Check({"listen", "admin-listen"}, [&] { return ListenProblems(settings); });
  reader.Check({"kafka-brokers", "kafka"}, [&] { return KafkaProblems(settings); });
  return reader.Read(argc, argv, environment);
}

Result<std::vector<std::string>> ConfiguredSecrets(const Settings& settings) {
  if (!settings.signing_secrets_file.empty()) return ReadSecretsFile(settings.signing_secrets_file);
  std::vector<std::string> secrets;
  for (const config::Secret& secret : settings.signing_secrets) secrets.push_back(secret.Reveal());
  return secrets;
}

}  // namespace keystrand::receiver
