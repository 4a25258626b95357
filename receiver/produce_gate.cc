#include "receiver/produce_gate.h"

namespace keystrand::receiver {
namespace {

constexpr std::chrono::seconds kProbeInterval{1};

}  // namespace

ProduceGate::Verdict ProduceGate::Judge(std::int32_t partition, std::size_t record_bytes) {
  if (Full(record_bytes)) return Verdict::kFull;
  return (Overdue(partition) || Stalled()) && !TakeProbe() ? Verdict::kStalled : Verdict::kOpen;
}

ProduceGate::Verdict ProduceGate::Foresee(std::size_t record_bytes) const {
  if (Full(record_bytes)) return Verdict::kFull;
  return Stalled() && !ProbeDue() ? Verdict::kStalled : Verdict::kOpen;
}

void ProduceGate::Acknowledged(std::chrono::nanoseconds took) {
  if (took > limits_.age_max) return;
  timely_until_.store((clock_.Steady() + limits_.age_max).time_since_epoch().count(), std::memory_order_relaxed);
}

bool ProduceGate::KeepsUp() const { return backlog_.bytes() * 5 < limits_.bytes_max * 4 && !Stalled(); }

bool ProduceGate::Full(std::size_t record_bytes) const {
  if (backlog_.bytes() + record_bytes <= limits_.bytes_max) return false;
  times_full_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool ProduceGate::Overdue(std::optional<std::int32_t> partition) const {
  const auto oldest = backlog_.oldest(partition);
  return oldest && *oldest > limits_.age_max;
}

/// What was acknowledged last is looked at first: it is nearly always enough, and costs no lock.
bool ProduceGate::Stalled() const {
  const auto now = clock_.Steady().time_since_epoch().count();
  return now > timely_until_.load(std::memory_order_relaxed) && Overdue(std::nullopt);
}

bool ProduceGate::ProbeDue() const {
  return clock_.Steady().time_since_epoch().count() >= next_probe_.load(std::memory_order_relaxed);
}

bool ProduceGate::TakeProbe() {
  const auto now = clock_.Steady().time_since_epoch();
  auto due = next_probe_.load(std::memory_order_relaxed);
  const auto next = (now + std::chrono::steady_clock::duration(kProbeInterval)).count();
  return now.count() >= due && next_probe_.compare_exchange_strong(due, next, std::memory_order_relaxed);
}

}  // namespace keystrand::receiver
