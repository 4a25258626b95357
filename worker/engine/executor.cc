#include "worker/engine/executor.h"

#include <chrono>
#include <utility>

namespace keystrand::worker::engine {
namespace {

/// The first time at once (one connection broke), then at most one attempt a second and executor; so nobody waits much
/// longer than a second once the database is back. Apart, lest all of them come at the same moment.
constexpr std::chrono::milliseconds kFirstPauseMax{50};
constexpr std::chrono::milliseconds kPauseMin{1000};
constexpr std::chrono::milliseconds kPauseMax{1250};
constexpr std::chrono::milliseconds kStopCheck{50};

}  // namespace

Executor::Executor(const BatchContext& context, store::DatabaseSettings database,
                   store::DatabaseObserver* database_observer, std::uint64_t seed)
    : context_(context),
      runner_(context, seed),
      session_(std::move(database), database_observer),
      random_(seed),
      thread_([this] { Run(); }) {}

Executor::~Executor() { thread_.join(); }

void Executor::Run() {
  while (!context_.dispatcher.stopped()) {
    if (failures_ > 0) Pause();
    if ((!usable_ || !session_.connected()) && !Connect()) continue;
    auto task = context_.dispatcher.Take();
    if (!task) return;
    RunTask(std::move(*task));
  }
}

/// After a failure; ends early when the engine stops.
void Executor::Pause() {
  const auto least = failures_ == 1 ? std::chrono::milliseconds(0) : kPauseMin;
  const auto most = failures_ == 1 ? kFirstPauseMax : kPauseMax;
  std::uniform_int_distribution<std::chrono::milliseconds::rep> span(least.count(), most.count());
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(span(random_));
  while (std::chrono::steady_clock::now() < until && !context_.dispatcher.stopped()) {
    std::this_thread::sleep_for(
        std::min<std::chrono::steady_clock::duration>(kStopCheck, until - std::chrono::steady_clock::now()));
  }
}

bool Executor::Connect() {
  usable_ = false;
  const auto connected = session_.Connect();
  if (!connected) {
    connect_failed_ = true;
    ++failures_;
    Away(connected.error());
    return false;
  }
  usable_ = context_.database.Recognise(session_.identity(), [this] { return GiveUpLeases(); });
  if (!usable_) {
    ++failures_;
    return false;
  }
  // A server that takes connections but not our work is not back: that, only work can show.
  if (std::exchange(connect_failed_, false) || failures_ == 0) Answered();
  return true;
}

/// Another database than before may lack what this worker saw committed, under epochs that look alike. So nothing that
/// was read before may be written there: our leases end, and new ones start from that database's own positions.
bool Executor::GiveUpLeases() {
  auto& dispatcher = context_.dispatcher;
  std::vector<store::HeldEpoch> held;
  for (const auto& progress : dispatcher.Watermarks(dispatcher.OpenPartitions())) {
    held.push_back({progress.partition, progress.epoch});
  }
  const auto given_up = session_.InTransaction([&](store::Transaction& transaction) {
    return store::EndLeases(transaction, context_.events_topic, held, context_.worker);
  });
  if (!given_up) {
    Away(given_up.error());
    return false;
  }
  context_.observer.OnDatabaseReplaced();
  for (const auto& lease : held) dispatcher.Fence(lease.partition, lease.epoch);
  return true;
}

void Executor::Answered() {
  context_.database.Answered(context_.clock.Steady());
  away_because_.clear();
  if (std::exchange(away_, false)) context_.observer.OnDatabaseBack();
}

/// Tells each reason once: how the outage began is not why it lasts.
void Executor::Away(const Error& error) {
  away_ = true;
  if (std::exchange(away_because_, error.detail) != error.detail) context_.observer.OnDatabaseAway(error);
}

void Executor::RunTask(Dispatcher::Task task) {
  bool answered = false;
  if (auto* job = std::get_if<Job>(&task)) {
    answered = (*job)(session_);
    if (!answered) {
      context_.dispatcher.PostAgain(std::move(*job));
      Away(session_.last_failure());
    }
  } else {
    auto batch = std::get<Batch>(std::move(task));
    context_.observer.OnBatch(batch.waited);
    answered = runner_.Run(session_, batch);
    context_.dispatcher.Settle(std::move(batch));
  }
  if (answered) {
    failures_ = 0;
    Answered();
  } else {
    ++failures_;
    away_ = true;
  }
}

}  // namespace keystrand::worker::engine
