#include "tests/bench/signature_timing/welch.h"

#include <cmath>

namespace keystrand::bench {

void Moments::Add(double value) {
  ++count_;
  const double before = value - mean_;
  mean_ += before / static_cast<double>(count_);
  squares_ += before * (value - mean_);
}

double Moments::variance() const { return count_ < 2 ? 0 : squares_ / static_cast<double>(count_ - 1); }

double WelchT(const Moments& a, const Moments& b) {
  const double difference = a.mean() - b.mean();
  if (a.count() < 2 || b.count() < 2 || difference == 0) return 0;
  const double error = a.variance() / static_cast<double>(a.count()) + b.variance() / static_cast<double>(b.count());
  return difference / std::sqrt(error);
}

}  // namespace keystrand::bench
