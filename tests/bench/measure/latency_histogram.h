#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace keystrand::bench {

/// Counts durations with a relative error of at most 1/1024 over their whole range, in constant memory: the layout of
/// HdrHistogram (Debian packages only its Java and Go versions). Each power of two is cut into 1024 equal steps.
class LatencyHistogram {
 public:
  LatencyHistogram();

  /// Negative values count as 0.
  void Record(std::chrono::nanoseconds value);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Exact.
  [[nodiscard]] std::chrono::nanoseconds max() const { return max_; }
  /// The smallest recorded value (rounded up to its step) that at least `percent` of all values do not exceed; 0 if
  /// nothing was recorded. `percent` in (0, 100].
  [[nodiscard]] std::chrono::nanoseconds Percentile(double percent) const;

 private:
  std::vector<std::uint64_t> steps_;
  std::uint64_t count_ = 0;
  std::chrono::nanoseconds max_{0};
};

}  // namespace keystrand::bench
