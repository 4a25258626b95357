#pragma once

#include <chrono>

namespace keystrand {

/// Where time comes from; injected, so that tests own it. Implementations are thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall time: for what leaves the process (headers, tables, the signature's tolerance). May jump.
  [[nodiscard]] virtual std::chrono::system_clock::time_point Now() const = 0;
  /// Monotonic time: for every deadline, backoff and duration.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point Steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::system_clock::time_point Now() const override { return std::chrono::system_clock::now(); }
  [[nodiscard]] std::chrono::steady_clock::time_point Steady() const override {
    return std::chrono::steady_clock::now();
  }
};

}  // namespace keystrand
