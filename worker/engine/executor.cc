#include "worker/engine/executor.h"

#include <chrono>
#include <utility>

namespace keystrand::worker::engine {
namespace {

/// At most one connection attempt a second and executor, and none that waits long after the database is back.
constexpr Backoff::Policy kReconnect{std::chrono::milliseconds(50), std::chrono::milliseconds(1000)};
constexpr std::chrono::milliseconds kStopCheck{50};

}  // namespace

Executor::Executor(const BatchContext& context, store::DatabaseSettings database,
                   store::DatabaseObserver* database_observer, std::uint64_t seed)
    : context_(context),
      runner_(context, seed),
      session_(std::move(database), database_observer),
      backoff_(kReconnect, seed),
      thread_([this] { Run(); }) {}

Executor::~Executor() { thread_.join(); }

void Executor::Run() {
  while (!context_.dispatcher.stopped()) {
    if (!session_.connected() && !Connect()) continue;
    auto task = context_.dispatcher.Take();
    if (!task) return;
    RunTask(std::move(*task));
  }
}

/// Tries until it is connected or the engine stops.
bool Executor::Connect() {
  for (int attempt = 1; !context_.dispatcher.stopped(); ++attempt) {
    const auto connected = session_.Connect();
    if (connected) {
      context_.database.Answered(context_.clock.Steady());
      if (std::exchange(away_, false)) context_.observer.OnDatabaseBack();
      return true;
    }
    if (!std::exchange(away_, true)) context_.observer.OnDatabaseAway(connected.error());
    const auto until = std::chrono::steady_clock::now() + backoff_.Wait(attempt);
    while (std::chrono::steady_clock::now() < until && !context_.dispatcher.stopped()) {
      std::this_thread::sleep_for(
          std::min<std::chrono::steady_clock::duration>(kStopCheck, until - std::chrono::steady_clock::now()));
    }
  }
  return false;
}

void Executor::RunTask(Dispatcher::Task task) {
  bool answered = false;
  if (auto* job = std::get_if<Job>(&task)) {
    answered = (*job)(session_);
    if (!answered) context_.dispatcher.PostAgain(std::move(*job));
  } else {
    auto batch = std::get<Batch>(std::move(task));
    answered = runner_.Run(session_, batch);
    context_.dispatcher.Settle(std::move(batch));
  }
  if (answered) {
    context_.database.Answered(context_.clock.Steady());
  } else {
    away_ = true;
  }
}

}  // namespace keystrand::worker::engine
