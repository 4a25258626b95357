#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "tests/bench/signature_timing/guesses.h"
#include "tests/bench/signature_timing/welch.h"

namespace keystrand::bench {

/// Above it, the times of two classes are not of one kind: the limit that dudect and the test vector leakage assessment
/// use (about one false alarm in 100,000 comparisons).
constexpr double kWelchLimit = 4.5;

/// One timed guess.
struct TimedGuess {
  std::uint8_t shared = 0;  ///< its class
  std::uint32_t ns = 0;
};

struct TimingReport {
  std::size_t guesses = 0;
  std::size_t cropped = 0;  ///< outliers left out: interrupts and preemption, whatever the class
  std::uint32_t cropped_above_ns = 0;
  double mean_ns = 0;  ///< over all classes, without the outliers
  double t_max = 0;    ///< the largest |t| of a class against class 0
  std::size_t class_of_t_max = 0;
  double difference_ns = 0;  ///< its mean minus that of class 0
  [[nodiscard]] bool leaks() const { return t_max > kWelchLimit; }
};

using Check = std::function<void(std::string_view header)>;
using Nanoseconds = std::function<std::uint64_t()>;

/// A monotonic clock, read after what stands before it has been done and before what stands after it is begun.
std::uint64_t SteadyNanoseconds();

/// Times `check` on so many guesses, whose classes are mixed at random, after a tenth of that unmeasured.
std::vector<TimedGuess> TimeGuesses(Guesses& guesses, std::size_t count, const Check& check, const Nanoseconds& clock);

/// Welch's t of each class against class 0, without the slowest 0.1 % of all guesses.
TimingReport Compare(const std::vector<TimedGuess>& timed);

}  // namespace keystrand::bench
