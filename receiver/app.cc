#include "receiver/app.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "common/core/build_info.h"
#include "common/core/clock.h"
#include "common/http/admin_server.h"
#include "common/http/server.h"
#include "common/kafka/producer.h"
#include "common/kafka/topic_watch.h"
#include "common/log/log.h"
#include "common/metrics/kafka_metrics.h"
#include "common/metrics/process_metrics.h"
#include "common/metrics/receiver_metrics.h"
#include "receiver/endpoints.h"
#include "receiver/exchange_observer.h"
#include "receiver/produce_gate.h"
#include "receiver/producer_events.h"
#include "receiver/reloads.h"
#include "receiver/server_setup.h"
#include "receiver/signing_secrets.h"
#include "receiver/webhook_endpoint.h"

namespace keystrand::receiver {
namespace {

using http::Health;
using log::Field;
using std::chrono::milliseconds;

constexpr milliseconds kTick{250};                   // signals are heard at once; the rest of the tick is housekeeping
constexpr std::chrono::seconds kLoopSilenceMax{60};  // then only a restart helps
constexpr milliseconds kFlushTimeout{5'000};
constexpr milliseconds kDrainMargin{2'000};  // beyond the longest a request in flight may take

constexpr metrics::Name kSecretsReloads{"keystrand_signing_secrets_reloads_total",
                                        "Reloads of the signing secrets' files."};
constexpr metrics::Name kTlsReloads{"keystrand_tls_reloads_total", "Reloads of the TLS certificate."};

std::vector<std::string> NamesOf(const std::vector<EndpointConfig>& endpoints) {
  std::vector<std::string> names;
  for (const EndpointConfig& endpoint : endpoints) names.push_back(endpoint.name);
  return names;
}

std::vector<std::string> PathsOf(const std::vector<EndpointConfig>& endpoints) {
  std::vector<std::string> paths;
  for (const EndpointConfig& endpoint : endpoints) paths.push_back(endpoint.path);
  return paths;
}

/// The secrets' file, if they have one.
std::vector<std::string> FilesOf(const EndpointConfig& endpoint) {
  return endpoint.secrets_file.empty() ? std::vector<std::string>{} : std::vector{endpoint.secrets_file};
}

kafka::ClientSettings ClientOf(const Settings& settings) {
  return {settings.kafka_brokers, "keystrand-receiver", settings.kafka_properties};
}

kafka::ProducerSettings ProducerOf(const Settings& settings) {
  kafka::ProducerSettings producer;
  producer.client = ClientOf(settings);
  producer.topic = settings.events_topic;
  producer.record_bytes_max =
      std::max(producer.record_bytes_max, settings.body_bytes_max + kafka::kRecordOverheadBytes);
  producer.batch_bytes_max = std::min(producer.batch_bytes_max, settings.body_bytes_max + kafka::kRecordOverheadBytes);
  producer.queue_bytes_max = 2 * settings.queue_bytes_max;  // ours is judged first, in ProduceGate
  return producer;
}

std::string DeadLettersTopicOf(const Settings& settings) {
  if (!settings.dead_letters_topic.empty() || settings.events_topic != kEventsTopic) return settings.dead_letters_topic;
  return "keystrand.dead-letters";
}

kafka::TopicWatch::Settings WatchOf(const Settings& settings) {
  kafka::TopicWatch::Settings watch;
  watch.client = ClientOf(settings);
  watch.topics = {{settings.events_topic, settings.body_bytes_max + kafka::kRecordOverheadBytes}};
  if (const auto letters = DeadLettersTopicOf(settings); !letters.empty()) {
    watch.topics.push_back({.topic = letters, .like_first = true, .witness = true});
  }
  watch.durability = settings.durability;
  watch.interval = settings.topic_check_interval;
  return watch;
}

sigset_t HandledSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

/// The next signal within `timeout`, or 0.
int NextSignal(const sigset_t& signals, milliseconds timeout) {
  const timespec wait{timeout.count() / 1000, (timeout.count() % 1000) * 1'000'000};
  return std::max(0, ::sigtimedwait(&signals, nullptr, &wait));
}

/// The receiver's parts, each built of those above it; destroyed, and so stopped, from the bottom to the top.
class App {
 public:
  explicit App(const Settings& settings)
      : settings_(settings),
        receiver_metrics_(registry_, NamesOf(settings.endpoints)),
        produce_metrics_(registry_, settings.events_topic),
        kafka_metrics_(registry_, {metrics::ClientRole::kProducer}, clock_.Now()),
        process_metrics_(registry_, {kVersion, kRevision, [this] { return ReadyChecks(); }}),
        producer_events_(produce_metrics_, kafka_metrics_, clock_),
        health_(clock_) {}

  /// Errors: kRejected or kUnavailable, naming what is wrong: the program cannot run.
  Result<> Start();
  /// Serves until a signal asks to stop.
  void Serve();
  /// Not ready, a grace for load balancers, then finish what is in flight, flush, end.
  void Stop();

 private:
  Result<> LoadSecrets();
  Result<> OpenKafka();
  Result<> OpenPorts();
  std::vector<std::unique_ptr<WebhookEndpoint>> MakeEndpoints();
  Result<> LoadCertificate();
  void AddHealthChecks();
  metrics::Counter ReloadCounter(const metrics::Name& name, const char* result);
  metrics::HttpFigures HttpFigures();
  std::vector<metrics::ReadyCheck> ReadyChecks();
  std::string MetricsText();
  void TopicChanged(const std::string& problem);
  void TellReadiness();
  void Housekeep();
  [[nodiscard]] milliseconds DrainTimeout() const;

  const Settings& settings_;
  const SystemClock clock_;
  const sigset_t signals_ = HandledSignals();
  std::atomic<bool> draining_ = false;
  bool told_ready_ = false;

  metrics::Registry registry_;
  metrics::ReceiverMetrics receiver_metrics_;
  metrics::ProduceMetrics produce_metrics_;
  metrics::KafkaClientMetrics kafka_metrics_;
  metrics::ProcessMetrics process_metrics_;

  std::vector<std::unique_ptr<SigningSecrets>> secrets_;  // by endpoint
  Reloads reloads_;

  EventsInFlight in_flight_;  // before the producer, whose last reports end its entries
  ProducerEvents producer_events_;
  std::unique_ptr<kafka::Producer> producer_;
  std::unique_ptr<kafka::TopicWatch> topic_watch_;
  std::optional<ProduceGate> gate_;

  std::optional<Endpoints> endpoints_;
  std::optional<ExchangeObserver> observer_;
  std::optional<http::Server> server_;
  std::atomic<std::chrono::sys_seconds> certificate_expiry_{};  // 0: no TLS

  Health health_;
  std::optional<http::AdminServer> admin_;
};

Result<> App::Start() {
  if (auto loaded = LoadSecrets(); !loaded) return loaded;
  if (auto opened = OpenKafka(); !opened) return opened;
  AddHealthChecks();
  if (auto opened = OpenPorts(); !opened) return opened;
  log::Info(log::Action::kProcessStarted, "takes deliveries",
            {{Field::kListen, settings_.listen.Text()},
             {Field::kAdminListen, settings_.admin_listen.Text()},
             {Field::kTopic, settings_.events_topic},
             {Field::kRevision, kRevision}});
  return {};
}

Result<> App::LoadSecrets() {
  for (const EndpointConfig& endpoint : settings_.endpoints) {
    auto* const secrets = secrets_.emplace_back(std::make_unique<SigningSecrets>(settings_.tolerance)).get();
    const auto load = [&endpoint, secrets]() -> Result<> {
      auto read = SecretsOf(endpoint);
      if (!read) return Fail(read.error());
      return secrets->Replace(std::move(*read));
    };
    if (auto loaded = load(); !loaded) return loaded;
    reloads_.Add({endpoint.name, FilesOf(endpoint), load, log::Action::kSecretsReloaded, log::Action::kSecretsRefused,
                  ReloadCounter(kSecretsReloads, "ok"), ReloadCounter(kSecretsReloads, "refused")});
  }
  return {};
}

Result<> App::OpenKafka() {
  auto producer = kafka::Producer::Create(ProducerOf(settings_), clock_, &producer_events_);
  if (!producer) return Fail(producer.error());
  producer_ = std::move(*producer);
  auto watch =
      kafka::TopicWatch::Start(WatchOf(settings_), [this](const std::string& problem) { TopicChanged(problem); });
  if (!watch) return Fail(watch.error());
  topic_watch_ = std::move(*watch);
  ProduceGate::Backlog backlog;
  backlog.oldest = [this](std::optional<std::int32_t> partition) {
    return partition ? producer_->OldestUnacknowledged(*partition) : producer_->OldestUnacknowledged();
  };
  backlog.bytes = [this] { return producer_->InFlight().bytes; };
  gate_.emplace(std::move(backlog),
                ProduceGate::Limits{settings_.ack_timeout, static_cast<std::size_t>(settings_.queue_bytes_max)},
                clock_);
  return {};
}

Result<> App::OpenPorts() {
  endpoints_.emplace(MakeEndpoints());
  observer_.emplace(PathsOf(settings_.endpoints), receiver_metrics_, in_flight_, clock_);
  server_.emplace(ServerSettingsOf(settings_), *endpoints_, &*observer_);
  if (auto loaded = LoadCertificate(); !loaded) return loaded;
  metrics::AddHttpMetrics(registry_, [this] { return HttpFigures(); });
  server_->Watch(producer_->delivery_fd(), [this] { producer_->ServeDeliveries(); });
  admin_.emplace(
      http::AdminSettings{settings_.admin_listen.Text(), kVersion, kRevision, [this] { return MetricsText(); }},
      health_);
  if (auto started = admin_->Start(); !started) {
    return Fail(started.error().code, "admin-listen: " + started.error().detail);
  }
  if (auto started = server_->Start(); !started) return Fail(started.error().code, "listen: " + started.error().detail);
  return {};
}

std::vector<std::unique_ptr<WebhookEndpoint>> App::MakeEndpoints() {
  std::vector<std::unique_ptr<WebhookEndpoint>> endpoints;
  for (std::size_t i = 0; i < settings_.endpoints.size(); ++i) {
    const EndpointConfig& config = settings_.endpoints[i];
    endpoints.push_back(std::make_unique<WebhookEndpoint>(
        EndpointSettings{config.name, i, config.path, config.expected_mode, settings_.account,
                         static_cast<std::uint64_t>(settings_.body_bytes_max)},
        WebhookEndpoint::Parts{*secrets_[i], *producer_, *gate_, [this] { return topic_watch_->PartitionCount(); },
                               clock_, receiver_metrics_, in_flight_}));
  }
  return endpoints;
}

Result<> App::LoadCertificate() {
  if (settings_.tls_certificate_file.empty()) return {};
  const auto load = [this]() -> Result<> {
    auto context = http::TlsContext::Load(TlsSettingsOf(settings_), clock_.Now());
    if (!context) return Fail(context.error());
    certificate_expiry_ = (*context)->not_after();
    server_->SetTls(std::move(*context));
    return {};
  };
  if (auto loaded = load(); !loaded) return loaded;
  reloads_.Add({"tls",
                {settings_.tls_certificate_file, settings_.tls_key_file},
                load,
                log::Action::kTlsReloaded,
                log::Action::kTlsRefused,
                ReloadCounter(kTlsReloads, "ok"),
                ReloadCounter(kTlsReloads, "refused")});
  return {};
}

void App::AddHealthChecks() {
  const auto ready = [this](std::string name, std::function<Health::State()> probe) {
    health_.Add(Health::Kind::kReadiness, std::move(name), std::move(probe));
  };
  ready("settings", [] { return Health::State{true, "settings and signing secrets are loaded"}; });
  ready("kafka", [this] {
    const std::string problem = producer_events_.Problem();
    return Health::State{problem.empty(), problem.empty() ? "a broker is up" : problem};
  });
  ready("topic", [this] {
    const auto partitions = topic_watch_->PartitionCount();
    return partitions ? Health::State{true, "as promised"} : Health::State{false, partitions.error().detail};
  });
  ready("queue", [this] {
    const bool keeps_up = gate_->KeepsUp();
    return Health::State{keeps_up, keeps_up ? "Kafka keeps up" : "records wait too long for Kafka's acknowledgement"};
  });
  ready("serving", [this] {
    return draining_ ? Health::State{false, "stopping"} : Health::State{true, "not asked to stop"};
  });
  health_.Add(Health::Kind::kLiveness, "loops", [this] {
    const bool turning = server_->LongestSilence() < kLoopSilenceMax;
    return Health::State{turning, turning ? "all turn" : "one has not turned for a minute"};
  });
}

metrics::Counter App::ReloadCounter(const metrics::Name& name, const char* result) {
  return registry_.AddCounter(name, {{"result", result}});
}

metrics::HttpFigures App::HttpFigures() {
  const http::ServerStats stats = server_->Stats();
  metrics::HttpFigures figures;
  figures.connections = stats.connections;
  figures.connections_accepted = stats.connections_accepted;
  figures.bytes_in_flight = stats.bytes_in_flight;
  figures.handshakes_completed = stats.handshakes_completed;
  figures.handshakes_failed = stats.handshakes_failed;
  figures.proxy_headers_refused = stats.proxy_headers_refused;
  figures.certificate_expiry = certificate_expiry_;
  figures.bounds = BoundsOf(settings_, stats, gate_->times_full());
  return figures;
}

std::vector<metrics::ReadyCheck> App::ReadyChecks() {
  std::vector<metrics::ReadyCheck> checks;
  for (const auto& check : health_.Check(Health::Kind::kReadiness)) checks.push_back({check.name, check.ok});
  return checks;
}

std::string App::MetricsText() {
  receiver_metrics_.requests_in_flight().Set(static_cast<double>(server_->Stats().requests_in_flight));
  return registry_.Text();
}

/// On the watch's thread.
void App::TopicChanged(const std::string& problem) {
  if (problem.empty()) {
    producer_events_.BrokerSeen();
    log::Info(log::Action::kTopicOk, "the topic holds what is promised", {{Field::kTopic, settings_.events_topic}});
  } else {
    log::Error(log::Action::kTopicUnsafe, "deliveries are answered 503 until the topic is right",
               {{Field::kTopic, settings_.events_topic}, {Field::kDetail, problem}});
  }
}

void App::TellReadiness() {
  const auto checks = health_.Check(Health::Kind::kReadiness);
  const auto failing = std::find_if(checks.begin(), checks.end(), [](const auto& check) { return !check.ok; });
  const bool ready = failing == checks.end();
  if (ready == std::exchange(told_ready_, ready)) return;
  if (ready) return log::Info(log::Action::kProcessReady, "all checks pass");
  log::Warn(log::Action::kProcessUnready, "a check fails",
            {{Field::kCheck, failing->name}, {Field::kDetail, failing->detail}});
}

void App::Housekeep() {
  reloads_.Changed();
  TellReadiness();
}

void App::Serve() {
  while (true) {
    const int signal = NextSignal(signals_, kTick);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) reloads_.All();
    Housekeep();
  }
}

milliseconds App::DrainTimeout() const {
  return std::min(milliseconds(10'000), settings_.body_timeout + settings_.ack_timeout) + kDrainMargin;
}

void App::Stop() {
  draining_ = true;
  process_metrics_.draining.Set(1);
  log::Info(log::Action::kProcessDraining, "asked to stop");
  const auto grace_end = clock_.Steady() + settings_.drain_grace;
  while (clock_.Steady() < grace_end) {  // a second signal ends the grace
    const auto left = std::chrono::ceil<milliseconds>(grace_end - clock_.Steady());
    const int signal = NextSignal(signals_, std::min(left, kTick));
    if (signal == SIGTERM || signal == SIGINT) break;
  }
  server_->StopAccepting();
  server_->Drain(DrainTimeout());
  server_->Stop();
  const bool flushed = producer_->Flush(kFlushTimeout);
  admin_->Stop();
  if (flushed) return log::Info(log::Action::kProcessStopped, "everything is flushed");
  log::Warn(log::Action::kProcessStopped, "records are left without a report; none was answered 200");
}

log::Settings LogOf(const Settings& settings) {
  log::Settings log;
  log.service = "keystrand-receiver";
  log.version = kVersion;
  log.level = settings.log_level;
  return log;
}

}  // namespace

int Run(const Settings& settings) {
  ::signal(SIGPIPE, SIG_IGN);  // a log reader that goes must not take the receiver along
  const sigset_t signals = HandledSignals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // inherited by every thread: only Serve and Stop take them
  const log::Session session(LogOf(settings));
  App app(settings);
  if (const auto started = app.Start(); !started) {
    log::Error(log::Action::kProcessFailed, "cannot start", {{Field::kDetail, started.error().detail}});
    return 1;
  }
  app.Serve();
  app.Stop();
  return 0;
}

}  // namespace keystrand::receiver
