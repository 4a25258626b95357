#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

namespace keystrand {

/// Exponential backoff with full jitter: the wait before retry n (n = 1, 2, …) is uniform in [0, min(cap,
/// base·2^(n-1))]. Not thread-safe: one per retrying party. Source: the "full jitter" of exponential-backoff practice.
class Backoff {
 public:
  struct Policy {
    std::chrono::milliseconds base;
    std::chrono::milliseconds cap;
  };

  Backoff(Policy policy, std::uint64_t seed) : policy_(policy), random_(seed) {}

  /// The wait before the `attempt`-th retry (1-based).
  [[nodiscard]] std::chrono::milliseconds Wait(int attempt) {
    return std::chrono::milliseconds(
        std::uniform_int_distribution<std::chrono::milliseconds::rep>(0, Ceiling(policy_, attempt).count())(random_));
  }

  /// The longest wait before the `attempt`-th retry.
  [[nodiscard]] static std::chrono::milliseconds Ceiling(Policy policy, int attempt) {
    const int doublings = std::clamp(attempt - 1, 0, 40);
    const double wait = std::ldexp(static_cast<double>(policy.base.count()), doublings);
    return std::chrono::milliseconds(
        static_cast<std::chrono::milliseconds::rep>(std::min(wait, static_cast<double>(policy.cap.count()))));
  }

 private:
  Policy policy_;
  std::mt19937_64 random_;
};

}  // namespace keystrand
