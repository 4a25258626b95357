#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace keystrand::worker::memory {

/// When a guess that only costs time is to be made: once so many events in a row have shown that it would have been
/// right. After each that was wrong, twice as many. Thread-safe.
class Caution {
 public:
  /// Events without a surprise before the first guess, and before a guess at most.
  Caution(std::int64_t events, std::int64_t events_max) : events_max_(events_max), span_(events), left_(events) {}

  /// Whether nothing is guessed now.
  [[nodiscard]] bool IsOn() const { return left_ > 0; }
  /// So many events more were looked at, and the guess would have been right.
  void Calm(std::int64_t events) { left_ -= events; }
  /// It was wrong, or would have been.
  void Surprised() {
    if (!IsOn()) span_ = std::min(2 * span_, events_max_);
    left_ = span_.load();
  }

 private:
  const std::int64_t events_max_;
  std::atomic<std::int64_t> span_;  ///< without a surprise, before the next guess
  std::atomic<std::int64_t> left_;  ///< of it, what is to come
};

}  // namespace keystrand::worker::memory
