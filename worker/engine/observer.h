#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/core/error.h"
#include "worker/engine/item.h"
#include "worker/store/parking.h"

namespace keystrand::worker::store {
class Transaction;
struct DeadLetter;
}  // namespace keystrand::worker::store

namespace keystrand::worker::engine {

/// How a record ended, once.
enum class EventOutcome : std::uint8_t {
  kApplied,
  kDuplicate,    ///< the event was settled before, from another record
  kStale,        ///< something newer was known
  kIgnored,      ///< nothing to do; the reason says why
  kRedelivered,  ///< this very record was settled before (a crash, or a rewound position): nothing new happened
  kParked,       ///< it waits in the database; it ends otherwise later
};

std::string_view NameOf(EventOutcome outcome);

/// Where an event stands in the log, for the tests' checker.
struct SettledRecord {
  std::int32_t partition;
  std::int64_t offset;
  std::int64_t epoch;
  std::string_view key;
  std::string_view outcome;
};

/// Told inside the batch transaction about each record it settles. None in the product; the tests' worker writes them
/// to a table, so that the checker sees what committed and nothing else.
class OutcomeObserver {
 public:
  virtual ~OutcomeObserver() = default;
  virtual Result<> OnSettled(store::Transaction& transaction, const std::vector<SettledRecord>& records) = 0;
};

/// How an item was parked.
struct Parking {
  bool behind = false;  ///< others of its strand wait in front of it
  store::StrandReason reason = store::StrandReason::kRetry;
  int attempts = 0;                                 ///< that counted
  std::optional<std::chrono::milliseconds> wait{};  ///< until the next attempt
  Error error{ErrorCode::kInternal, ""};            ///< of the head
};

/// Told after the fact, for metrics and logs. Called on executor threads and the poll thread: thread-safe, quick.
class EngineObserver {
 public:
  virtual ~EngineObserver() = default;
  /// A batch begins, after its events waited so long for an executor and its connection.
  virtual void OnBatch(std::chrono::nanoseconds /*waited*/) {}
  /// After the commit; the item is parsed. `took`: its batch's transaction.
  virtual void OnSettled(const Item& /*item*/, std::int32_t /*partition*/, EventOutcome /*outcome*/,
                         std::string_view /*reason*/, std::chrono::nanoseconds /*took*/) {}
  /// After the letter's record is acknowledged.
  virtual void OnDeadLetter(const store::DeadLetter& /*letter*/) {}
  virtual void OnLetterNotPublished(std::size_t /*letters*/, const Error& /*error*/) {}
  /// The item waits in the database: as its strand's head after an attempt that failed, or behind the head.
  virtual void OnParked(const Item& /*item*/, std::int32_t /*partition*/, const Parking& /*parking*/) {}
  virtual void OnRetry(const Item& /*item*/, std::int32_t /*partition*/, const Error& /*error*/) {}
  virtual void OnConflict() {}
  virtual void OnBisect() {}
  virtual void OnCommitInDoubt() {}
  virtual void OnFenced(std::int32_t /*partition*/) {}
  virtual void OnLeased(std::int32_t /*partition*/, std::int64_t /*epoch*/, bool /*unclean*/) {}
  /// The database's position was behind Kafka's: consumption starts again at `start`.
  virtual void OnRewound(std::int32_t /*partition*/, std::int64_t /*start*/, std::int64_t /*kafka*/) {}
  enum class Rebalance : std::uint8_t { kAssigned, kRevoked, kLost };
  virtual void OnRebalance(Rebalance /*kind*/, std::size_t /*partitions*/) {}
  virtual void OnOffsetCommit(bool /*ok*/, std::string_view /*error*/) {}
  /// The partition goes on at `next`, since an operator accepted that what was at `position` is not in the log.
  virtual void OnGapSkipped(std::int32_t /*partition*/, std::int64_t /*position*/, std::int64_t /*next*/) {}
  virtual void OnPositionOutsideLog(std::int32_t /*partition*/) {}
  virtual void OnDatabaseAway(const Error& /*error*/) {}
  virtual void OnDatabaseBack() {}
  /// The database is another one than before, by a restore or a failover: all leases were given up.
  virtual void OnDatabaseReplaced() {}
  virtual void OnMisdeployed(const Error& /*error*/) {}
};

}  // namespace keystrand::worker::engine
