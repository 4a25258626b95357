#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "common/core/clock.h"
#include "worker/engine/breakers.h"
#include "worker/engine/database_state.h"
#include "worker/engine/dispatcher.h"
#include "worker/engine/duplicate_check.h"
#include "worker/engine/exclusive_gate.h"
#include "worker/engine/letters.h"
#include "worker/engine/observer.h"
#include "worker/engine/parked_loader.h"
#include "worker/engine/retry_policy.h"
#include "worker/handlers/handler.h"
#include "worker/memory/row_memory.h"

namespace keystrand::worker::engine {

/// What all executors share.
struct BatchContext {
  std::string events_topic;
  const std::atomic<std::int32_t>& partition_count;       ///< of the events topic; known before the first batch
  std::string own_account;                                ///< KEYSTRAND_ACCOUNT
  std::string worker;                                     ///< this instance, as shown in leases and dead letters
  const std::vector<const handlers::Handler*>& handlers;  ///< in the order in which they see an event
  RetrySettings retry;
  const Clock& clock;
  Dispatcher& dispatcher;
  LetterPublisher& letters;
  ParkedLoader& parked;
  Breakers& breakers;
  ExclusiveGate& gate;  ///< all batches run inside: an event that is about to be called a killer runs alone
  DatabaseState& database;
  DuplicateCheck& duplicates;
  memory::RowMemory& rows;
  EngineObserver& observer;
  OutcomeObserver* outcomes = nullptr;  ///< none in the product
};

}  // namespace keystrand::worker::engine
