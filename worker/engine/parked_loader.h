#pragma once

#include <string>
#include <vector>

#include "worker/engine/dispatcher.h"

namespace keystrand::worker::engine {

/// Brings parked events back into their lanes when their strand's head is due. Thread-safe.
class ParkedLoader {
 public:
  /// `dispatcher` outlives the loader.
  ParkedLoader(std::string topic, Dispatcher& dispatcher) : topic_(std::move(topic)), dispatcher_(dispatcher) {}

  /// Offers what is due of these partitions. False if the database is away.
  bool Load(store::Session& session, const std::vector<std::int32_t>& partitions);

 private:
  std::string topic_;
  Dispatcher& dispatcher_;
};

}  // namespace keystrand::worker::engine
