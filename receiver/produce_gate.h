#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "common/core/clock.h"

namespace keystrand::receiver {

/// Decides whether a record may be produced now. While the oldest unacknowledged record of its partition is older than
/// the deadline, that partition's leader does not keep up: everything but one probe a second is refused, since records
/// whose senders were told 503 would pile up in front of the recovery. Partitions with other leaders go on, unless
/// nothing was acknowledged in time of late: then the whole cluster does not keep up, and the one probe is for all. And
/// what waits for acknowledgement, of all partitions, is bounded in bytes. Thread-safe.
class ProduceGate {
 public:
  /// What the producer has in flight; asked for each delivery, so cheap.
  struct Backlog {
    /// Age of the oldest unacknowledged record of one partition, or of all where none is named.
    std::function<std::optional<std::chrono::nanoseconds>(std::optional<std::int32_t> partition)> oldest;
    std::function<std::size_t()> bytes;  ///< of all partitions
  };
  struct Limits {
    std::chrono::milliseconds age_max;  ///< the acknowledgement deadline
    std::size_t bytes_max;
  };
  enum class Verdict : std::uint8_t {
    kOpen,     ///< produce: this may be the probe of this second
    kStalled,  ///< the partition's leader, or no leader at all, acknowledges
    kFull,     ///< too many bytes in flight
  };

  ProduceGate(Backlog backlog, Limits limits, const Clock& clock)
      : backlog_(std::move(backlog)), limits_(limits), clock_(clock) {}

  [[nodiscard]] Verdict Judge(std::int32_t partition, std::size_t record_bytes);
  /// What Judge would say now of a record to any partition, without taking the probe: so that a delivery can be turned
  /// away before its body is read. Open while some partition's leader keeps up.
  [[nodiscard]] Verdict Foresee(std::size_t record_bytes) const;
  /// Tells of an acknowledgement; `took`: produce call to delivery report.
  void Acknowledged(std::chrono::nanoseconds took);
  /// Whether Kafka keeps up, for readiness. Less than four fifths of the bytes are in use, which leaves room for what
  /// load balancers send until they have noticed; and nothing is overdue, or others were acknowledged in time within
  /// the last deadline: a broker that hangs costs its own partitions, and no receiver could serve those.
  [[nodiscard]] bool KeepsUp() const;
  /// How often the bytes were used up.
  [[nodiscard]] std::uint64_t times_full() const { return times_full_.load(std::memory_order_relaxed); }

 private:
  [[nodiscard]] bool Full(std::size_t record_bytes) const;
  [[nodiscard]] bool Overdue(std::optional<std::int32_t> partition) const;
  /// Overdue, and nothing was acknowledged in time of late.
  [[nodiscard]] bool Stalled() const;
  [[nodiscard]] bool ProbeDue() const;
  bool TakeProbe();

  Backlog backlog_;
  Limits limits_;
  const Clock& clock_;
  std::atomic<std::chrono::steady_clock::rep> next_probe_ = 0;
  std::atomic<std::chrono::steady_clock::rep> timely_until_ = 0;
  mutable std::atomic<std::uint64_t> times_full_ = 0;
};

}  // namespace keystrand::receiver
