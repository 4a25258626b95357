#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "common/core/backoff.h"

namespace keystrand::worker::engine {

/// How long an event that failed `attempts` times (counted ones only) waits before the next try; empty: it has had its
/// tries and becomes a dead letter. Short ones first, with the key waiting; then long ones.
class RetryPolicy {
 public:
  static constexpr int kShortTries = 5;
  static constexpr int kLongTries = 8;

  explicit RetryPolicy(std::uint64_t seed) : short_(kShort, seed), long_(kLong, seed + 1) {}

  [[nodiscard]] std::optional<std::chrono::milliseconds> DelayAfter(int attempts) {
    if (attempts <= kShortTries) return short_.Wait(attempts);
    if (attempts <= kShortTries + kLongTries) return Backoff::Ceiling(kLong, attempts - kShortTries);
    return std::nullopt;
  }

 private:
  static constexpr Backoff::Policy kShort{std::chrono::milliseconds(100), std::chrono::seconds(5)};
  static constexpr Backoff::Policy kLong{std::chrono::seconds(30), std::chrono::hours(1)};
  Backoff short_;
  Backoff long_;
};

}  // namespace keystrand::worker::engine
