#pragma once

#include <functional>
#include <vector>

#include "worker/settings.h"

namespace keystrand::kafka {
class ClientObserver;
class ProducerObserver;
}  // namespace keystrand::kafka
namespace keystrand::worker::engine {
class OutcomeObserver;
struct EngineSettings;
}  // namespace keystrand::worker::engine
namespace keystrand::worker::handlers {
class Handler;
}
namespace keystrand::worker::store {
class DatabaseObserver;
}

namespace keystrand::worker {

/// What the tests' worker puts around the product's parts; the product has none. Everything outlives Run.
struct Attachments {
  std::vector<const handlers::Handler*> first;  ///< see each event before the product's handlers
  std::vector<const handlers::Handler*> last;   ///< see it after them
  engine::OutcomeObserver* outcomes = nullptr;
  /// Each is given the product's observer and returns the one that is told instead; empty: the product's own.
  std::function<store::DatabaseObserver*(store::DatabaseObserver&)> database;
  std::function<kafka::ProducerObserver*(kafka::ProducerObserver&)> producer;
  std::function<kafka::ClientObserver*(kafka::ClientObserver&)> consumer;
  std::function<void(engine::EngineSettings&)> adjust;  ///< changes what is no setting of the program; may be empty
};

/// Builds the worker and runs it until SIGTERM or SIGINT. Returns the exit code: 0 after an orderly stop, 1 when it
/// cannot go on.
int Run(const Settings& settings, const Attachments& attachments = {});

}  // namespace keystrand::worker
