#pragma once

#include <cstddef>

namespace keystrand::bench {

/// Mean and variance of a stream of values, in constant memory and without loss of precision (Welford).
class Moments {
 public:
  void Add(double value);

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] double mean() const { return mean_; }
  /// Of the sample: over n - 1. 0 for fewer than two values.
  [[nodiscard]] double variance() const;

 private:
  std::size_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;  // sum of squared distances from the mean
};

/// Welch's t: how many standard errors the means are apart; positive if `a`'s is greater. 0 if either has fewer than
/// two values or if both are equal; infinite if the means differ and nothing varies.
double WelchT(const Moments& a, const Moments& b);

}  // namespace keystrand::bench
