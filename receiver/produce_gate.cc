#include "receiver/produce_gate.h"

namespace keystrand::receiver {
namespace {

constexpr std::chrono::seconds kProbeInterval{1};

}  // namespace

ProduceGate::Verdict ProduceGate::Judge(std::size_t record_bytes) {
  const Backlog backlog = backlog_();
  if (backlog.bytes + record_bytes > limits_.bytes_max) return Verdict::kFull;
  const bool stalled = backlog.oldest && *backlog.oldest > limits_.age_max;
  return stalled && !TakeProbe() ? Verdict::kStalled : Verdict::kOpen;
}

double ProduceGate::Fill() const {
  return static_cast<double>(backlog_().bytes) / static_cast<double>(limits_.bytes_max);
}

bool ProduceGate::TakeProbe() {
  const auto now = clock_.Steady().time_since_epoch();
  auto due = next_probe_.load(std::memory_order_relaxed);
  const auto next = (now + std::chrono::steady_clock::duration(kProbeInterval)).count();
  return now.count() >= due && next_probe_.compare_exchange_strong(due, next, std::memory_order_relaxed);
}

}  // namespace keystrand::receiver
