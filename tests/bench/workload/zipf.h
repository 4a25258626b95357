#pragma once

#include <cstddef>
#include <vector>

namespace keystrand::bench {

/// Draws ranks 0 … count-1 with probability proportional to 1/(rank+1)^exponent: a few customers cause most events.
/// Exact (inverse of the cumulative distribution), unlike the rejection samplers that assume an exponent above 1.
class ZipfSampler {
 public:
  /// `count` at least 1, `exponent` at least 0 (0 = uniform).
  ZipfSampler(std::size_t count, double exponent);

  /// The rank that `uniform`, drawn from [0, 1), falls on.
  [[nodiscard]] std::size_t Rank(double uniform) const;

 private:
  std::vector<double> cumulative_;
};

}  // namespace keystrand::bench
