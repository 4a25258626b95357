#include "worker/app.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <utility>

#include "common/core/build_info.h"
#include "common/http/admin_server.h"
#include "common/log/log.h"
#include "common/metrics/process_metrics.h"
#include "worker/engine/engine.h"
#include "worker/handlers/mirror.h"
#include "worker/store/schema_version.h"
#include "worker/system_gauges.h"
#include "worker/telemetry.h"
#include "worker/upkeep/pruner.h"

namespace keystrand::worker {
namespace {

using log::Action;
using log::Field;
using std::chrono::seconds;

constexpr seconds kPollSilence{60};  ///< then a restart helps
constexpr seconds kDatabaseSilence{10};
constexpr seconds kBatchSlow{30};    ///< no transaction may take that long: not ready
constexpr seconds kBatchStuck{120};  ///< an executor is lost: end the process

std::string InstanceOf(const Settings& settings) {
  if (!settings.instance.empty()) return settings.instance;
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return std::string(host.data()) + ":" + std::to_string(getpid());
}

handlers::MirrorPolicy MirrorOf(const Settings& settings) {
  if (settings.mirror == std::vector<std::string>{"all"}) return {};
  if (settings.mirror == std::vector<std::string>{"none"}) return {false, {}};
  return {false, {settings.mirror.begin(), settings.mirror.end()}};
}

engine::EngineSettings EngineOf(const Settings& settings, const std::string& instance) {
  engine::EngineSettings engine;
  engine.kafka = {settings.kafka_brokers, "keystrand-worker", settings.kafka};
  if (!settings.group_instance_id.empty()) engine.group_instance_id = settings.group_instance_id;
  engine.events_topic = settings.events_topic;
  engine.dead_letters_topic = settings.dead_letters_topic;
  engine.group = settings.group;
  engine.durability = settings.durability;
  engine.record_bytes_min = settings.body_bytes_max + kafka::kRecordOverheadBytes;
  engine.topic_check_interval = settings.topic_check_interval;
  engine.own_account = settings.account;
  engine.worker = instance;
  engine.executors = settings.executors;
  engine.limits.batch_max = settings.batch_max;
  engine.database.url = settings.database_url.Reveal();
  engine.database.password_file = settings.database_password_file;
  engine.database.schema_version_min = store::kSchemaVersion;
  return engine;
}

log::Settings LoggingOf(const Settings& settings, const std::string& instance) {
  log::Settings logging;
  logging.service = "keystrand-worker";
  logging.instance = instance;
  logging.version = kVersion;
  logging.level = settings.log_level;
  return logging;
}

using State = http::Health::State;

SystemGauges::Settings GaugesOf(const engine::EngineSettings& engine, std::chrono::milliseconds interval) {
  SystemGauges::Settings gauges;
  gauges.interval = interval;
  gauges.kafka = engine.kafka;
  gauges.topic = engine.events_topic;
  gauges.group = engine.group;
  gauges.database = engine.database;
  gauges.database.application_name = "keystrand-worker-gauges";
  return gauges;
}

upkeep::Pruner::Settings PrunerOf(const Settings& settings, const engine::EngineSettings& engine) {
  upkeep::Pruner::Settings pruner;
  pruner.kafka = engine.kafka;
  pruner.topics = {engine.events_topic, engine.dead_letters_topic};
  pruner.database = engine.database;
  pruner.database.application_name = "keystrand-worker-pruner";
  pruner.inbox_days = settings.inbox_days;
  pruner.interval = settings.prune_interval;
  return pruner;
}

State Judge(bool ok, std::string problem) { return {ok, ok ? "" : std::move(problem)}; }

std::chrono::steady_clock::duration OldestBatch(const engine::EngineStatus& status, const Clock& clock) {
  return status.load.oldest_taken ? clock.Steady() - *status.load.oldest_taken : std::chrono::steady_clock::duration(0);
}

void AddChecks(http::Health& health, const engine::Engine& engine, const Clock& clock) {
  using Kind = http::Health::Kind;
  const auto judge = [&](Kind kind, std::string name, std::string problem, auto well) {
    health.Add(kind, std::move(name), [&engine, problem, well] { return Judge(well(engine.Status()), problem); });
  };
  judge(Kind::kLiveness, "poll_loop", "the poll loop is silent",
        [&clock](const auto& status) { return clock.Steady() - status.last_poll < kPollSilence; });
  judge(Kind::kReadiness, "group", "the consumer group was not joined yet",
        [](const auto& status) { return status.joined; });
  judge(Kind::kReadiness, "database", "the database has not answered for 10 s",
        [&clock](const auto& status) { return clock.Steady() - status.last_database_answer < kDatabaseSilence; });
  judge(Kind::kReadiness, "schema", "a table, column or right is missing",
        [](const auto& status) { return !status.misdeployed; });
  judge(Kind::kReadiness, "executors", "a batch has been running for 30 s",
        [&clock](const auto& status) { return OldestBatch(status, clock) < kBatchSlow; });
  health.Add(Kind::kReadiness, "topics", [&engine] {
    const auto problem = engine.Status().topic_problem;
    return Judge(problem.empty(), problem);
  });
}

std::vector<metrics::ReadyCheck> ReadyChecks(http::Health& health) {
  std::vector<metrics::ReadyCheck> checks;
  for (const auto& check : health.Check(http::Health::Kind::kReadiness)) checks.push_back({check.name, check.ok});
  return checks;
}

/// In the order in which they see an event.
std::vector<const handlers::Handler*> HandlersOf(const Attachments& attachments, const handlers::Handler& product) {
  auto handlers = attachments.first;
  handlers.push_back(&product);
  handlers.insert(handlers.end(), attachments.last.begin(), attachments.last.end());
  return handlers;
}

/// SIGTERM and SIGINT wait to be taken by WaitForEnd; every thread inherits the mask.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

/// Tends the gauges until a stop signal (0) or until the engine cannot go on (1).
int WaitForEnd(const sigset_t& signals, const engine::Engine& engine, Telemetry& telemetry, const Clock& clock) {
  while (true) {
    const timespec second{1, 0};
    const int signal = sigtimedwait(&signals, nullptr, &second);
    if (signal > 0) {
      log::Info(Action::kProcessDraining, "Asked to stop", {{Field::kSignal, signal}});
      return 0;
    }
    const auto status = engine.Status();
    telemetry.Refresh(status);
    if (const auto failure = engine.Failure()) {
      log::Error(Action::kProcessFailed, "The engine cannot go on", {{Field::kDetail, failure->detail}});
      return 1;
    }
    if (OldestBatch(status, clock) > kBatchStuck) {
      log::Error(Action::kWorkerStuck, "A batch does not end: leaving it to the next worker");
      log::Stop();
      _exit(1);  // an executor hangs: no orderly end is possible, and none is needed
    }
  }
}

}  // namespace

int Run(const Settings& settings, const Attachments& attachments) {
  ::signal(SIGPIPE, SIG_IGN);  // a log reader that goes must not take the worker along
  const auto signals = BlockStopSignals();
  const std::string instance = InstanceOf(settings);
  const log::Session logging(LoggingOf(settings, instance));
  log::Info(Action::kProcessStarted, "Worker started", {{Field::kAdminListen, settings.admin_listen.Text()}});
  if (settings.durability == kafka::Durability::kSingleBroker) {
    log::Warn(Action::kConfigUnsafe, "One copy of each record is enough here: for a local stack only");
  }

  const SystemClock clock;
  http::Health health(clock);
  metrics::Registry registry;
  Telemetry telemetry(registry, clock, settings.dead_letters_topic, settings.executors, settings.batch_max);
  const metrics::ProcessMetrics process(registry, {kVersion, kRevision, [&health] { return ReadyChecks(health); }});
  const handlers::Mirror mirror(MirrorOf(settings));

  auto engine_settings = EngineOf(settings, instance);
  if (attachments.adjust) attachments.adjust(engine_settings);
  auto engine =
      engine::Engine::Start(engine_settings, HandlersOf(attachments, mirror), clock,
                            {telemetry, attachments.database ? attachments.database(telemetry) : &telemetry,
                             attachments.consumer ? attachments.consumer(telemetry.consumer()) : &telemetry.consumer(),
                             attachments.producer ? attachments.producer(telemetry) : &telemetry, attachments.outcomes,
                             [&telemetry](const std::string& problem) { telemetry.OnTopics(problem); }});
  if (!engine) {
    log::Error(Action::kProcessFailed, "Not started", {{Field::kDetail, engine.error().detail}});
    return 1;
  }
  AddChecks(health, **engine, clock);
  const SystemGauges gauges(GaugesOf(engine_settings, settings.gauges_interval), registry, clock,
                            [&engine] { return (*engine)->Status().partitions; });
  std::optional<upkeep::Pruner> pruner;
  if (settings.inbox_days > 0) pruner.emplace(PrunerOf(settings, engine_settings), telemetry);
  const auto draining = health.Add(http::Health::Kind::kReadiness, "serving", State{true, ""});
  http::AdminServer admin({settings.admin_listen.Text(), kVersion, kRevision, [&registry] { return registry.Text(); }},
                          health);
  if (auto started = admin.Start(); !started) {
    log::Error(Action::kProcessFailed, "Admin port not opened", {{Field::kDetail, started.error().detail}});
    return 1;
  }

  const int exit_code = WaitForEnd(signals, **engine, telemetry, clock);
  process.draining.Set(1);
  draining({false, "stopping"});
  pruner.reset();
  (*engine)->Stop();
  admin.Stop();
  log::Info(Action::kProcessStopped, "Worker stopped", {{Field::kExitCode, exit_code}});
  return exit_code;
}

}  // namespace keystrand::worker
