#include "tests/bench/signature_timing/timing_run.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>

namespace keystrand::bench {
namespace {

constexpr double kKept = 0.999;

std::uint32_t Percentile(const std::vector<TimedGuess>& timed, double share) {
  std::vector<std::uint32_t> all;
  all.reserve(timed.size());
  for (const TimedGuess& guess : timed) all.push_back(guess.ns);
  const auto nth = all.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(all.size() - 1));
  std::nth_element(all.begin(), nth, all.end());
  return *nth;
}

std::uint32_t Saturated(std::uint64_t ns) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(ns, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

std::uint64_t SteadyNanoseconds() {
  std::atomic_signal_fence(std::memory_order_seq_cst);
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count());
}

std::vector<TimedGuess> TimeGuesses(Guesses& guesses, std::size_t count, const Check& check, const Nanoseconds& clock) {
  std::vector<TimedGuess> timed(count);
  for (std::size_t i = 0; i < count / 10; ++i) {
    guesses.Next();
    check(guesses.header());
  }
  for (TimedGuess& guess : timed) {
    guess.shared = static_cast<std::uint8_t>(guesses.Next());
    const std::uint64_t begin = clock();
    check(guesses.header());
    guess.ns = Saturated(clock() - begin);
  }
  return timed;
}

TimingReport Compare(const std::vector<TimedGuess>& timed) {
  if (timed.empty()) return {};
  TimingReport report{.guesses = timed.size(), .cropped_above_ns = Percentile(timed, kKept)};
  std::array<Moments, Guesses::kClasses> classes;
  Moments all;
  for (const TimedGuess& guess : timed) {
    if (guess.ns > report.cropped_above_ns) {
      ++report.cropped;
      continue;
    }
    classes.at(guess.shared).Add(guess.ns);
    all.Add(guess.ns);
  }
  report.mean_ns = all.mean();
  for (std::size_t shared = 1; shared < classes.size(); ++shared) {
    const double t = std::abs(WelchT(classes.at(shared), classes.front()));
    if (t <= report.t_max) continue;
    report.t_max = t;
    report.class_of_t_max = shared;
    report.difference_ns = classes.at(shared).mean() - classes.front().mean();
  }
  return report;
}

}  // namespace keystrand::bench
