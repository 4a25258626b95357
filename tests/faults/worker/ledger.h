#pragma once

#include <string>
#include <vector>

#include "tests/faults/worker/bugs.h"
#include "tests/faults/worker/trip_points.h"
#include "worker/engine/observer.h"
#include "worker/handlers/handler.h"
#include "worker/store/session.h"

namespace keystrand::faults {

/// What one event does to the books of its customer.
struct Effect {
  std::string scope;
  std::string event_id;
  std::string event_type;
  std::string ordering_key;
  std::string charge;  ///< JSON of the charge, of charge.succeeded; empty: nothing to add up
};

/// The last handler of the tests' worker. Each event that gets here has one effect, whatever the mirror thinks of it: a
/// row of faults.effects, a number in its customer's row of faults.strands, and, if money came in, a sum. Handlers
/// cannot write tables of their own, so the effects of a batch wait on the executor's thread for its observer.
class LedgerHandler final : public worker::handlers::Handler {
 public:
  /// Forgets what an attempt that was rolled back has left waiting. On the executor's thread, after each transaction.
  static void TransactionEnded();
  [[nodiscard]] std::string_view Name() const override { return "ledger"; }
  [[nodiscard]] std::vector<std::string_view> Tables() const override { return {}; }
  void Need(const worker::handlers::Event& /*event*/, worker::handlers::RowKeys& /*keys*/) const override {}
  Result<worker::handlers::Outcome> Apply(const worker::handlers::Event& event,
                                          worker::handlers::UnitOfWork& work) const override;
};

/// Writes what the batch settled and the effects of its events, in its transaction.
class Books final : public worker::engine::OutcomeObserver {
 public:
  /// `database`: for a bug that writes past the transaction.
  Books(const TripPoints& points, Bug bug, worker::store::DatabaseSettings database)
      : points_(points), bug_(bug), database_(std::move(database)) {}
  Result<> OnSettled(worker::store::Transaction& transaction,
                     const std::vector<worker::engine::SettledRecord>& records) override;

 private:
  Result<> WriteEffects(worker::store::Transaction& transaction, std::vector<Effect> effects) const;

  const TripPoints& points_;
  const Bug bug_;
  const worker::store::DatabaseSettings database_;
};

}  // namespace keystrand::faults
