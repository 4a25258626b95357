#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "common/core/clock.h"

namespace keystrand::receiver {

/// Decides whether a record may be produced now. While the oldest unacknowledged record is older than the deadline the
/// broker does not keep up: everything but one probe a second is refused, since records whose senders were told 503
/// would pile up in front of the recovery. And what waits for acknowledgement is bounded in bytes. Thread-safe.
class ProduceGate {
 public:
  /// What the producer has in flight; called often, so cheap.
  struct Backlog {
    std::optional<std::chrono::nanoseconds> oldest;  ///< age of the oldest unacknowledged record
    std::size_t bytes = 0;
  };
  struct Limits {
    std::chrono::milliseconds age_max;  ///< the acknowledgement deadline
    std::size_t bytes_max;
  };
  enum class Verdict : std::uint8_t {
    kOpen,     ///< produce: this may be the probe of this second
    kStalled,  ///< the broker does not acknowledge
    kFull,     ///< too many bytes in flight
  };

  ProduceGate(std::function<Backlog()> backlog, Limits limits, const Clock& clock)
      : backlog_(std::move(backlog)), limits_(limits), clock_(clock) {}

  [[nodiscard]] Verdict Judge(std::size_t record_bytes);
  /// What Judge would say now, without taking the probe: so that a delivery can be turned away before its body is read.
  [[nodiscard]] Verdict Foresee(std::size_t record_bytes) const;
  /// Whether Kafka keeps up, for readiness: nothing is overdue and less than four fifths of the bytes are in use, which
  /// leaves room for what load balancers send until they have noticed.
  [[nodiscard]] bool KeepsUp() const;
  /// How often the bytes were used up.
  [[nodiscard]] std::uint64_t times_full() const { return times_full_.load(std::memory_order_relaxed); }

 private:
  [[nodiscard]] bool Full(const Backlog& backlog, std::size_t record_bytes) const;
  [[nodiscard]] bool Overdue(const Backlog& backlog) const;
  [[nodiscard]] bool ProbeDue() const;
  bool TakeProbe();

  std::function<Backlog()> backlog_;
  Limits limits_;
  const Clock& clock_;
  std::atomic<std::chrono::steady_clock::rep> next_probe_ = 0;
  mutable std::atomic<std::uint64_t> times_full_ = 0;
};

}  // namespace keystrand::receiver
