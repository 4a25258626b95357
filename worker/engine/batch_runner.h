#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "common/core/clock.h"
#include "worker/engine/database_state.h"
#include "worker/engine/dispatcher.h"
#include "worker/engine/letters.h"
#include "worker/engine/observer.h"
#include "worker/engine/retry_policy.h"
#include "worker/handlers/handler.h"
#include "worker/store/inbox.h"

namespace keystrand::worker::engine {

/// What all executors share.
struct BatchContext {
  std::string events_topic;
  const std::atomic<std::int32_t>& partition_count;       ///< of the events topic; known before the first batch
  std::string own_account;                                ///< KEYSTRAND_ACCOUNT
  std::string worker;                                     ///< this instance, as shown in leases and dead letters
  const std::vector<const handlers::Handler*>& handlers;  ///< in the order in which they see an event
  const Clock& clock;
  Dispatcher& dispatcher;
  LetterPublisher& letters;
  DatabaseState& database;
  EngineObserver& observer;
  OutcomeObserver* outcomes = nullptr;  ///< none in the product
};

/// Applies batches: load, decide, store, in one transaction for all their events if it can be. One per executor.
class BatchRunner {
 public:
  /// `context` outlives the runner.
  BatchRunner(const BatchContext& context, std::uint64_t seed) : context_(context), retry_(seed), random_(seed) {}

  /// Settles every item of `batch`. False if the database is away: then the unsettled items go back.
  bool Run(store::Session& session, Batch& batch);

 private:
  enum class Decision : std::uint8_t { kNone, kSettled, kDead, kRetry, kBack };
  /// One item during an attempt.
  struct Entry {
    Slice* slice;
    Item* item;
    Decision decision = Decision::kNone;
    EventOutcome outcome = EventOutcome::kApplied;  ///< of kSettled
    store::InboxStatus status = store::InboxStatus::kApplied;
    bool writes_inbox = false;
    bool known_dead = false;  ///< settled before, as a dead letter: its offset waits for the publication
    std::string reason{};
    std::string stage{};  ///< of kDead
    Error error{ErrorCode::kInternal, ""};
  };
  using Entries = std::vector<Entry>;
  using FirstOf = std::map<store::EventKey, std::size_t>;

  void Read(Batch& batch);
  bool Process(store::Session& session, Entries entries);
  bool Split(store::Session& session, Entries entries);
  bool FailedAlone(store::Session& session, Entries entries, const Error& error);

  Result<> Attempt(store::Session& session, Entries& entries, std::vector<std::int32_t>& lost);
  Result<> JudgeKnown(store::Transaction& transaction, Entries& entries);
  Result<> Load(store::Transaction& transaction, const Entries& entries, handlers::UnitOfWork& work);
  void Decide(Entries& entries, handlers::UnitOfWork& work);
  void DecideOne(Entry& entry, handlers::UnitOfWork& work);
  void Apply(Entry& entry, handlers::UnitOfWork& work);
  Result<> Write(store::Transaction& transaction, const Entries& entries, const handlers::UnitOfWork& work);
  Result<> WriteLetters(store::Transaction& transaction, const Entries& entries);
  Result<> WriteInbox(store::Transaction& transaction, const Entries& entries);
  Result<> TellOutcomes(store::Transaction& transaction, const Entries& entries);

  void Finish(Entries& entries, std::chrono::nanoseconds took);
  void CountAttempt(Item& item, std::int32_t partition, const Error& error);
  void DropLost(Entries& entries, const std::vector<std::int32_t>& lost);
  static void GoBack(Entries& entries, std::chrono::milliseconds delay, bool in_doubt);
  void Jitter();

  const BatchContext& context_;
  RetryPolicy retry_;
  std::mt19937_64 random_;
};

}  // namespace keystrand::worker::engine
