#include "tests/bench/measure/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace keystrand::bench {
namespace {

constexpr unsigned kStepBits = 10;
constexpr std::uint64_t kSteps = 1ULL << kStepBits;
constexpr unsigned kPowers = 63 - kStepBits;  // a duration in nanoseconds has 63 bits

/// Values below 2·kSteps have a step of their own; above, the top kStepBits + 1 bits name the step.
std::size_t StepOf(std::uint64_t value) {
  const auto bits = static_cast<unsigned>(std::bit_width(value));
  const unsigned shift = bits > kStepBits + 1 ? bits - (kStepBits + 1) : 0;
  return shift * kSteps + (value >> shift);
}

std::uint64_t UpperEdgeOf(std::size_t step) {
  if (step < 2 * kSteps) return step;
  const std::uint64_t shift = step / kSteps - 1;
  return ((step - shift * kSteps + 1) << shift) - 1;
}

}  // namespace

LatencyHistogram::LatencyHistogram() : steps_((kPowers + 1) * kSteps + kSteps) {}

void LatencyHistogram::Record(std::chrono::nanoseconds value) {
  value = std::max(value, std::chrono::nanoseconds(0));
  ++steps_[StepOf(static_cast<std::uint64_t>(value.count()))];
  ++count_;
  max_ = std::max(max_, value);
}

std::chrono::nanoseconds LatencyHistogram::Percentile(double percent) const {
  constexpr double kRounding = 1e-9;  // 99.9 % of 1000 is 999, though not in binary fractions
  const auto wanted = static_cast<std::uint64_t>(std::ceil(percent / 100 * static_cast<double>(count_) - kRounding));
  std::uint64_t seen = 0;
  for (std::size_t step = 0; step < steps_.size(); ++step) {
    seen += steps_[step];
    if (seen >= wanted && seen > 0) {
      return std::min(max_, std::chrono::nanoseconds(static_cast<std::int64_t>(UpperEdgeOf(step))));
    }
  }
  return max_;
}

}  // namespace keystrand::bench
