#include "worker/engine/engine.h"

#include <atomic>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "worker/engine/batch_runner.h"
#include "worker/engine/executor.h"
#include "worker/engine/letters.h"
#include "worker/engine/poll_loop.h"

namespace keystrand::worker::engine {
namespace {

kafka::TopicWatch::Settings WatchSettings(const EngineSettings& settings) {
  kafka::TopicWatch::Settings watch;
  watch.client = settings.kafka;
  watch.topics = {{settings.events_topic, settings.record_bytes_min, false},
                  {settings.dead_letters_topic, settings.record_bytes_min, true}};
  watch.durability = settings.durability;
  watch.interval = settings.topic_check_interval;
  return watch;
}

/// What may have been in the hands of a worker that ended, of one partition: all of it.
DispatchLimits LimitsOf(const EngineSettings& settings) {
  DispatchLimits limits = settings.limits;
  limits.suspect_window = static_cast<std::size_t>(settings.executors) * limits.batch_max;
  return limits;
}

PollSettings PollSettingsOf(const EngineSettings& settings) {
  PollSettings poll;
  poll.consumer = {settings.kafka, settings.events_topic, settings.group};
  if (!settings.group_instance_id.empty()) {
    poll.consumer.client.properties["group.instance.id"] = settings.group_instance_id;
  }
  poll.worker = settings.worker;
  poll.parked_interval = settings.parked_interval;
  return poll;
}

}  // namespace

/// Members in the order of construction; destroyed in reverse, so whoever uses a thing dies before it.
class Engine::Impl {
 public:
  Impl(EngineSettings settings, std::vector<const handlers::Handler*> handlers, const Clock& clock,
       EngineObservers observers, std::unique_ptr<kafka::Producer> producer, std::unique_ptr<kafka::TopicWatch> topics)
      : settings_(std::move(settings)),
        handlers_(std::move(handlers)),
        topics_(std::move(topics)),
        producer_(std::move(producer)),
        dispatcher_(LimitsOf(settings_), [this] { poll_->Wake(); }),
        letters_(settings_.events_topic, *producer_, dispatcher_, observers.engine),
        parked_(settings_.events_topic, dispatcher_),
        breakers_(settings_.events_topic, settings_.worker, handlers_),
        duplicates_(settings_.duplicates),
        rows_(settings_.rows),
        context_{settings_.events_topic,
                 partition_count_,
                 settings_.own_account,
                 settings_.worker,
                 handlers_,
                 settings_.retry,
                 clock,
                 dispatcher_,
                 letters_,
                 parked_,
                 breakers_,
                 gate_,
                 database_,
                 duplicates_,
                 rows_,
                 observers.engine,
                 observers.outcomes},
        poll_(std::make_unique<PollLoop>(PollSettingsOf(settings_), dispatcher_, letters_, parked_, breakers_, *topics_,
                                         partition_count_, database_, clock, observers.engine, observers.consumer)) {
    std::random_device seed;
    for (int i = 0; i < settings_.executors; ++i) {
      executors_.push_back(std::make_unique<Executor>(context_, settings_.database, observers.database, seed()));
    }
    poll_thread_ = std::thread([this] { Poll(); });
  }

  ~Impl() {
    Stop();
    dispatcher_.Stop();
    executors_.clear();
  }

  void Stop() {
    poll_->Stop();
    if (poll_thread_.joinable()) poll_thread_.join();
  }

  [[nodiscard]] EngineStatus Status() const {
    EngineStatus status;
    status.last_poll = poll_->last_poll();
    status.last_database_answer = database_.last_answer();
    status.joined = poll_->joined();
    status.assigned = poll_->assigned();
    status.partitions = dispatcher_.OpenPartitions();
    status.misdeployed = database_.misdeployed();
    status.open_breakers = breakers_.Open();
    if (const auto fit = topics_->PartitionCount(); !fit) status.topic_problem = fit.error().detail;
    status.load = dispatcher_.CurrentLoad();
    return status;
  }

  [[nodiscard]] std::optional<Error> Failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  void Poll() {
    const auto result = poll_->Run();
    if (result) return;
    const std::lock_guard lock(mutex_);
    failure_ = result.error();
  }

  const EngineSettings settings_;
  const std::vector<const handlers::Handler*> handlers_;
  std::atomic<std::int32_t> partition_count_{0};
  DatabaseState database_;
  std::unique_ptr<kafka::TopicWatch> topics_;
  std::unique_ptr<kafka::Producer> producer_;
  Dispatcher dispatcher_;
  LetterPublisher letters_;
  ParkedLoader parked_;
  Breakers breakers_;
  ExclusiveGate gate_;
  DuplicateCheck duplicates_;
  memory::RowMemory rows_;
  BatchContext context_;
  std::unique_ptr<PollLoop> poll_;
  std::vector<std::unique_ptr<Executor>> executors_;
  mutable std::mutex mutex_;
  std::optional<Error> failure_;  // guarded by mutex_
  std::thread poll_thread_;
};

Engine::Engine(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::Start(EngineSettings settings, std::vector<const handlers::Handler*> handlers,
                                              const Clock& clock, EngineObservers observers) {
  auto producer = kafka::Producer::Create({settings.kafka, settings.dead_letters_topic}, clock, observers.producer);
  if (!producer) return Fail(producer.error());
  auto on_topics = observers.on_topics ? observers.on_topics : [](const std::string&) {};
  auto topics = kafka::TopicWatch::Start(WatchSettings(settings), std::move(on_topics));
  if (!topics) return Fail(topics.error());
  return std::unique_ptr<Engine>(
      new Engine(std::make_unique<Impl>(std::move(settings), std::move(handlers), clock, std::move(observers),
                                        std::move(*producer), std::move(*topics))));
}

void Engine::Stop() { impl_->Stop(); }
EngineStatus Engine::Status() const { return impl_->Status(); }
std::optional<Error> Engine::Failure() const { return impl_->Failure(); }

}  // namespace keystrand::worker::engine
