#include "receiver/produce_gate.h"

namespace keystrand::receiver {
namespace {

constexpr std::chrono::seconds kProbeInterval{1};

}  // namespace

ProduceGate::Verdict ProduceGate::Judge(std::size_t record_bytes) {
  const Backlog backlog = backlog_();
  if (Full(backlog, record_bytes)) return Verdict::kFull;
  return Overdue(backlog) && !TakeProbe() ? Verdict::kStalled : Verdict::kOpen;
}

ProduceGate::Verdict ProduceGate::Foresee(std::size_t record_bytes) const {
  const Backlog backlog = backlog_();
  if (Full(backlog, record_bytes)) return Verdict::kFull;
  return Overdue(backlog) && !ProbeDue() ? Verdict::kStalled : Verdict::kOpen;
}

bool ProduceGate::KeepsUp() const {
  const Backlog backlog = backlog_();
  return !Overdue(backlog) && backlog.bytes * 5 < limits_.bytes_max * 4;
}

bool ProduceGate::Full(const Backlog& backlog, std::size_t record_bytes) const {
  if (backlog.bytes + record_bytes <= limits_.bytes_max) return false;
  times_full_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

bool ProduceGate::Overdue(const Backlog& backlog) const { return backlog.oldest && *backlog.oldest > limits_.age_max; }

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
