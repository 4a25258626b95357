#include "tests/bench/workload/zipf.h"

#include <algorithm>
#include <cmath>

namespace keystrand::bench {

ZipfSampler::ZipfSampler(std::size_t count, double exponent) {
  double sum = 0;
  cumulative_.reserve(count);
  for (std::size_t rank = 1; rank <= count; ++rank) {
    sum += std::pow(static_cast<double>(rank), -exponent);
    cumulative_.push_back(sum);
  }
  for (double& value : cumulative_) value /= sum;
}

std::size_t ZipfSampler::Rank(double uniform) const {
  const auto above = std::upper_bound(cumulative_.begin(), cumulative_.end(), uniform);
  const auto rank = static_cast<std::size_t>(above - cumulative_.begin());
  return std::min(rank, cumulative_.size() - 1);  // rounding may leave the last sum just below 1
}

}  // namespace keystrand::bench
