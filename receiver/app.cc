#include "receiver/app.h"

#include <sys/resource.h>

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
#include "receiver/exchange_observer.h"
#include "receiver/produce_gate.h"
#include "receiver/producer_events.h"
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
constexpr milliseconds kDrainMargin{2'000};          // beyond the longest a request in flight may take
constexpr std::int64_t kRecordOverhead = 16 * 1024;  // key, headers and framing beside the body
constexpr std::size_t kDescriptorsElsewhere = 64;    // brokers, admin port, files, epoll: never for connections

/// Raises the descriptor limit as far as it goes; returns how many connections it allows.
std::size_t ConnectionsAllowed(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, std::max<rlim_t>(limit.rlim_cur, wanted + kDescriptorsElsewhere));
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  (void)::getrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t allowed =
      limit.rlim_cur > 2 * kDescriptorsElsewhere ? limit.rlim_cur - kDescriptorsElsewhere : limit.rlim_cur / 2;
  return std::min(wanted, allowed);
}

http::ServerSettings ServerSettingsOf(const Settings& settings) {
  http::ServerSettings server;
  server.listen = settings.listen.Text();
  server.threads = settings.threads;
  server.reuse_port = settings.reuse_port;
  server.body_bytes_max = static_cast<std::uint64_t>(settings.body_bytes_max);
  server.header_timeout = settings.header_timeout;
  server.body_timeout = settings.body_timeout;
  server.idle_timeout = settings.idle_timeout;
  server.write_timeout = settings.write_timeout;
  server.answer_timeout = settings.ack_timeout;
  server.linger_bytes_max = 2 * server.body_bytes_max;
  server.requests_per_connection_max = static_cast<std::uint64_t>(settings.requests_per_connection_max);
  server.connections_max = ConnectionsAllowed(static_cast<std::size_t>(settings.connections_max));
  server.bytes_in_flight_max = static_cast<std::uint64_t>(settings.bytes_in_flight_max);
  return server;
}

kafka::ClientSettings ClientOf(const Settings& settings) {
  return {settings.kafka_brokers, "keystrand-receiver", settings.kafka_properties};
}

kafka::ProducerSettings ProducerOf(const Settings& settings) {
  kafka::ProducerSettings producer;
  producer.client = ClientOf(settings);
  producer.topic = settings.events_topic;
  producer.record_bytes_max = std::max(producer.record_bytes_max, settings.body_bytes_max + kRecordOverhead);
  producer.queue_bytes_max = 2 * settings.queue_bytes_max;  // ours is judged first, in ProduceGate
  return producer;
}

kafka::TopicWatch::Settings WatchOf(const Settings& settings) {
  kafka::TopicWatch::Settings watch;
  watch.client = ClientOf(settings);
  watch.topics = {{settings.events_topic, settings.body_bytes_max + kRecordOverhead}};
  watch.durability = settings.durability;
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
        receiver_metrics_(registry_),
        produce_metrics_(registry_, settings.events_topic),
        kafka_metrics_(registry_, {metrics::ClientRole::kProducer}, clock_.Now()),
        process_metrics_(registry_, {kVersion, kRevision, [this] { return ReadyChecks(); }}),
        reloads_ok_(AddReloadCounter("ok")),
        reloads_refused_(AddReloadCounter("refused")),
        secrets_(settings.tolerance),
        secrets_file_(settings.signing_secrets_file),
        producer_events_(produce_metrics_, kafka_metrics_, clock_),
        health_(clock_) {}

  /// Errors: kRejected or kUnavailable, naming what is wrong: the program cannot run.
  Result<> Start();
  /// Serves until a signal asks to stop.
  void Serve();
  /// Not ready, a grace for load balancers, then finish what is in flight, flush, end.
  void Stop();

 private:
  Result<> OpenKafka();
  Result<> OpenPorts();
  void AddHealthChecks();
  metrics::Counter AddReloadCounter(const char* result);
  std::vector<metrics::ReadyCheck> ReadyChecks();
  std::string MetricsText();
  void TopicChanged(const std::string& problem);
  void ReloadSecrets();
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
  metrics::Counter reloads_ok_;
  metrics::Counter reloads_refused_;

  SigningSecrets secrets_;
  FileWatch secrets_file_;

  ProducerEvents producer_events_;
  std::unique_ptr<kafka::Producer> producer_;
  std::unique_ptr<kafka::TopicWatch> topic_watch_;
  std::optional<ProduceGate> gate_;

  std::optional<WebhookEndpoint> endpoint_;
  std::optional<ExchangeObserver> observer_;
  std::optional<http::Server> server_;

  Health health_;
  std::optional<http::AdminServer> admin_;
};

Result<> App::Start() {
  auto secrets = ConfiguredSecrets(settings_);
  if (!secrets) return Fail(secrets.error());
  if (auto replaced = secrets_.Replace(std::move(*secrets)); !replaced) return replaced;
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

Result<> App::OpenKafka() {
  auto producer = kafka::Producer::Create(ProducerOf(settings_), clock_, &producer_events_);
  if (!producer) return Fail(producer.error());
  producer_ = std::move(*producer);
  auto watch =
      kafka::TopicWatch::Start(WatchOf(settings_), [this](const std::string& problem) { TopicChanged(problem); });
  if (!watch) return Fail(watch.error());
  topic_watch_ = std::move(*watch);
  const auto backlog = [this]() -> ProduceGate::Backlog {
    return {producer_->OldestUnacknowledged(), producer_->InFlight().bytes};
  };
  gate_.emplace(
      backlog, ProduceGate::Limits{settings_.ack_timeout, static_cast<std::size_t>(settings_.queue_bytes_max)}, clock_);
  return {};
}

Result<> App::OpenPorts() {
  EndpointSettings endpoint;
  endpoint.path = settings_.endpoint_path;
  endpoint.own_account = settings_.account;
  endpoint_.emplace(
      endpoint, WebhookEndpoint::Parts{secrets_, *producer_, *gate_, [this] { return topic_watch_->PartitionCount(); },
                                       clock_, receiver_metrics_});
  observer_.emplace(settings_.endpoint_path, receiver_metrics_, clock_);
  server_.emplace(ServerSettingsOf(settings_), *endpoint_, &*observer_);
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

void App::AddHealthChecks() {
  const auto ready = [this](std::string name, std::function<Health::State()> probe) {
    health_.Add(Health::Kind::kReadiness, std::move(name), std::move(probe));
  };
  ready("settings", [] { return Health::State{true, "settings and signing secrets are loaded"}; });
  ready("kafka", [this] {
    const bool up = producer_events_.BrokerUp();
    return Health::State{up, up ? "a broker is up" : "no broker was seen up within ten seconds"};
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

metrics::Counter App::AddReloadCounter(const char* result) {
  return registry_.AddCounter({"keystrand_signing_secrets_reloads_total", "Reloads of the signing secrets' file."},
                              {{"result", result}});
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

void App::ReloadSecrets() {
  auto secrets = ConfiguredSecrets(settings_);
  const std::size_t count = secrets ? secrets->size() : 0;
  const auto replaced = secrets ? secrets_.Replace(std::move(*secrets)) : Result<>(Fail(secrets.error()));
  if (replaced) {
    reloads_ok_.Increment();
    return log::Info(log::Action::kSecretsReloaded, "new signing secrets are in force", {{Field::kCount, count}});
  }
  reloads_refused_.Increment();
  log::Error(log::Action::kSecretsRefused, "the old signing secrets stay in force",
             {{Field::kDetail, replaced.error().detail}});
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
  if (!settings_.signing_secrets_file.empty() && secrets_file_.Changed()) ReloadSecrets();
  TellReadiness();
}

void App::Serve() {
  while (true) {
    const int signal = NextSignal(signals_, kTick);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) ReloadSecrets();
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
  producer_->Flush(kFlushTimeout);
  admin_->Stop();
  log::Info(log::Action::kProcessStopped, "everything is flushed");
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
