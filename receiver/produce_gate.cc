#include "receiver/produce_gate.h"

namespace keystrand::receiver {
namespace {

constexpr std::chrono::seconds kProbeInterval{1};

}  // namespace

ProduceGate::Verdict ProduceGate::Judge(std::int32_t partition, std::size_t record_bytes) {
  const Backlog backlog = backlog_(partition);
  if (Full(backlog, record_bytes)) return Verdict::kFull;
  return Overdue(backlog) && !TakeProbe() ? Verdict::kStalled : Verdict::kOpen;
}

ProduceGate::Verdict ProduceGate::Foresee(std::size_t record_bytes) const {
  const Backlog backlog = backlog_(std::nullopt);
  if (Full(backlog, record_bytes)) return Verdict::kFull;
  return Stalled(backlog) && !ProbeDue() ? Verdict::kStalled : Verdict::kOpen;
}

void ProduceGate::Acknowledged(std::chrono::nanoseconds took) {
  if (took > limits_.age_max) return;
  timely_until_.store((clock_.Steady() + limits_.age_max).time_since_epoch().count(), std::memory_order_relaxed);
}

bool ProduceGate::KeepsUp() const {
  const Backlog backlog = backlog_(std::nullopt);
  return backlog.bytes * 5 < limits_.bytes_max * 4 && !Stalled(backlog);
}

bool ProduceGate::Full(const Backlog& backlog, std::size_t record_bytes) const {
  if (backlog.bytes + record_bytes <= limits_.bytes_max) return false;
  times_full_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool ProduceGate::Overdue(const Backlog& backlog) const { return backlog.oldest && *backlog.oldest > limits_.age_max; }

bool ProduceGate::Stalled(const Backlog& backlog) const {
  const auto now = clock_.Steady().time_since_epoch().count();
  return Overdue(backlog) && now > timely_until_.load(std::memory_order_relaxed);
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
