#pragma once

#include <chrono>
#include <string>

#include "worker/engine/breakers.h"
#include "worker/engine/entry.h"
#include "worker/store/session.h"

namespace keystrand::worker::engine {

/// Writes what was decided, in the one order that all transactions keep: tables by key, strands, letters, inbox.
/// A few statements, whatever the size of the batch.
class BatchWriter {
 public:
  /// `outcomes` may be null. `worker`: this instance, as dead letters name it.
  BatchWriter(std::string topic, std::string worker, Breakers& breakers, OutcomeObserver* outcomes)
      : topic_(std::move(topic)), worker_(std::move(worker)), breakers_(breakers), outcomes_(outcomes) {}

  /// Fills in what only the writing shows: the letters' places, the strands that flow again. Errors: kConflict: another
  /// partition was first, run the batch again; those of the statements.
  Result<> Write(store::Transaction& transaction, Attempt& attempt, std::chrono::system_clock::time_point now) const;

 private:
  static Result<> WriteObjects(store::Transaction& transaction, Attempt& attempt);
  Result<> WriteLetters(store::Transaction& transaction, Attempt& attempt,
                        std::chrono::system_clock::time_point now) const;
  Result<> WriteLetter(store::Transaction& transaction, Attempt& attempt, Entry& entry,
                       const store::DeadLetter& letter) const;
  Result<> WriteStrands(store::Transaction& transaction, Attempt& attempt) const;
  Result<> WriteInbox(store::Transaction& transaction, const Entries& entries) const;
  Result<> ForgetSuspect(store::Transaction& transaction, const Attempt& attempt) const;
  Result<> TellOutcomes(store::Transaction& transaction, const Entries& entries) const;

  std::string topic_;
  std::string worker_;
  Breakers& breakers_;
  OutcomeObserver* outcomes_;
};

}  // namespace keystrand::worker::engine
