#pragma once

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "worker/engine/batch_context.h"
#include "worker/engine/batch_writer.h"
#include "worker/engine/decider.h"
#include "worker/engine/entry.h"
#include "worker/engine/retry_policy.h"

namespace keystrand::worker::engine {

/// Applies batches: load, decide, store, in one transaction for all their events if it can be. One per executor.
class BatchRunner {
 public:
  /// `context` outlives the runner.
  BatchRunner(const BatchContext& context, std::uint64_t seed)
      : context_(context),
        retry_(context.retry, seed),
        decider_(context.handlers, retry_, context.breakers),
        writer_(context.events_topic, context.worker, context.breakers, context.outcomes),
        random_(seed) {}
  BatchRunner(const BatchRunner&) = delete;
  BatchRunner& operator=(const BatchRunner&) = delete;

  /// Settles every item of `batch`. False if the database is away: then the unsettled items go back.
  bool Run(store::Session& session, Batch& batch);

 private:
  void Read(Batch& batch);
  bool Process(store::Session& session, Entries entries);
  bool RunAll(store::Session& session, Batch& batch);
  bool RunSuspect(store::Session& session, Batch& batch);
  bool Split(store::Session& session, Entries entries);
  bool Misdeployed(store::Session& session, Entries& entries, const Error& error);
  bool FailedAlone(store::Session& session, Entries entries, const Error& error);

  Result<> Try(store::Session& session, Attempt& attempt);
  Result<> InTransaction(store::Transaction& transaction, Attempt& attempt);
  [[nodiscard]] bool MayGoUnread(Attempt& attempt, const handlers::RowKeys& keys) const;
  Result<> ReadRows(store::Transaction& transaction, Attempt& attempt, const handlers::RowKeys& keys);
  static void FindKnown(store::Transaction& transaction, const Attempt& attempt, std::vector<store::KnownEvent>& known);
  Result<> LockStrands(store::Transaction& transaction, Attempt& attempt);
  [[nodiscard]] handlers::RowKeys NeedsOf(const Attempt& attempt) const;
  static Result<> Load(store::Transaction& transaction, const handlers::RowKeys& keys, handlers::UnitOfWork& work);

  void Finish(Attempt& attempt, std::chrono::nanoseconds took);
  void FinishOne(Entry& entry, std::chrono::nanoseconds took);
  void FinishStrand(const Entry& entry);
  void TryLater(Item& item, std::int32_t partition, int attempts, const Error& error);
  void PostFollowUps(const Attempt& attempt);
  void DropLost(Entries& entries, const std::vector<std::int32_t>& lost);
  static void GoBack(Entries& entries, std::chrono::milliseconds delay, bool in_doubt);
  void Jitter();

  const BatchContext& context_;
  RetryPolicy retry_;
  Decider decider_;
  BatchWriter writer_;
  std::mt19937_64 random_;
  bool suspect_ = false;       ///< of the batch that runs
  std::string_view database_;  ///< likewise: where it is written
};

}  // namespace keystrand::worker::engine
