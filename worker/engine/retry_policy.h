#pragma once

#include <chrono>
#include <cstdint>

#include "common/core/backoff.h"

namespace keystrand::worker::engine {

/// How often an event that fails is tried, and how far apart. Only attempts that count: an outage burns none.
struct RetrySettings {
  int tries_in_memory = 5;  ///< with its key waiting in its lane; then the strand is parked
  Backoff::Policy in_memory{std::chrono::milliseconds(100), std::chrono::seconds(5)};  ///< full jitter
  int tries_parked = 8;  ///< counted in the database; then the event is dead
  Backoff::Policy parked{std::chrono::seconds(30), std::chrono::hours(1)};
};

/// What comes after an attempt that failed. Not thread-safe.
class RetryPolicy {
 public:
  RetryPolicy(RetrySettings settings, std::uint64_t seed) : settings_(settings), jitter_(settings.in_memory, seed) {}

  /// `attempts`: that failed so far, this one included.
  [[nodiscard]] bool MayWaitInMemory(int attempts) const { return attempts < settings_.tries_in_memory; }
  [[nodiscard]] bool MayPark(int attempts) const {
    return attempts < settings_.tries_in_memory + settings_.tries_parked;
  }
  [[nodiscard]] std::chrono::milliseconds InMemoryDelay(int attempts) { return jitter_.Wait(attempts); }
  /// At least the whole step: parked strands are many, and nobody waits for the second.
  [[nodiscard]] std::chrono::milliseconds ParkedDelay(int attempts) const {
    return Backoff::Ceiling(settings_.parked, attempts - settings_.tries_in_memory + 1);
  }

 private:
  RetrySettings settings_;
  Backoff jitter_;
};

}  // namespace keystrand::worker::engine
