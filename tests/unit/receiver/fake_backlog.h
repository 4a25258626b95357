#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "receiver/produce_gate.h"

namespace keystrand::receiver {

/// What a test says is in flight. Must outlive the gate that asks.
struct FakeBacklog {
  std::optional<std::chrono::nanoseconds> oldest{};
  std::size_t bytes = 0;
  std::optional<std::int32_t> only{};  ///< if set, the oldest record waits for this partition, and nothing for others

  [[nodiscard]] ProduceGate::Backlog Asked() const {
    return {[this](std::optional<std::int32_t> partition) {
              const bool elsewhere = only && partition && *partition != *only;
              return elsewhere ? std::nullopt : oldest;
            },
            [this] { return bytes; }};
  }
};

}  // namespace keystrand::receiver
