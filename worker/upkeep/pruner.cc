#include "worker/upkeep/pruner.h"

#include <algorithm>
#include <utility>

#include "worker/upkeep/retention.h"

namespace keystrand::worker::upkeep {
namespace {

constexpr std::chrono::milliseconds kAskTimeout{5000};
/// Finding what is old may read much; deleting a chunk is quick.
constexpr std::chrono::milliseconds kTransactionTimeoutMin{60'000};

}  // namespace

Pruner::Pruner(Settings settings, PrunerObserver& observer) : settings_(std::move(settings)), observer_(observer) {
  thread_ = std::thread([this] { Run(); });
}

Pruner::~Pruner() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Pruner::Run() {
  while (WaitForNext()) {
    store::PruneCounts done;
    const auto pruned = PruneOnce(done);
    if (done.events + done.letters + done.effects > 0) observer_.OnPruned(done);
    if (!pruned) observer_.OnNotPruned(pruned.error());
  }
}

bool Pruner::WaitForNext() {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, settings_.interval, [this] { return stop_; });
}

bool Pruner::stopping() {
  const std::lock_guard lock(mutex_);
  return stop_;
}

/// The connection lives as long as the turn: between two, others can use it.
Result<> Pruner::PruneOnce(store::PruneCounts& done) {
  auto kept = CheckRetention(settings_.kafka, settings_.topics, settings_.inbox_days, kAskTimeout);
  if (!kept) return kept;
  auto database = settings_.database;
  database.transaction_timeout = std::max(database.transaction_timeout, kTransactionTimeoutMin);
  store::Session session(std::move(database), nullptr);
  if (auto connected = session.Connect(); !connected) return connected;
  const auto turn = store::TakePruneTurn(session);
  if (!turn) return Fail(turn.error());
  if (!*turn) return {};  // another worker is at it
  return store::Prune(session, std::chrono::hours(24 * settings_.inbox_days), settings_.chunk, done,
                      [this] { return stopping(); });
}

}  // namespace keystrand::worker::upkeep
