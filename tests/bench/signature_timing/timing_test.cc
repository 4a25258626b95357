#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "tests/bench/signature_timing/guesses.h"
#include "tests/bench/signature_timing/timing_run.h"
#include "tests/bench/signature_timing/welch.h"

namespace keystrand::bench {
namespace {

const std::string kRight = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const std::string kHead = "t=1,v1=";

Moments Of(std::initializer_list<double> values) {
  Moments moments;
  for (const double value : values) moments.Add(value);
  return moments;
}

std::size_t SharedDigits(std::string_view header) {
  const std::string_view guess = header.substr(kHead.size());
  std::size_t shared = 0;
  while (shared < kRight.size() && guess[shared] == kRight[shared]) ++shared;
  return shared;
}

TEST(WelchTest, IsTheDifferenceInStandardErrors) {
  // Means 20.82 and 23.65, variances 7.867 and 6.927, 15 values each; the formula by hand in 64-bit floats.
  const Moments a = Of({27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4});
  const Moments b = Of({27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 24.4});
  EXPECT_NEAR(a.mean(), 20.82, 1e-9);
  EXPECT_NEAR(WelchT(a, b), -2.852955, 1e-6);
  EXPECT_NEAR(WelchT(b, a), 2.852955, 1e-6);
}

TEST(WelchTest, WithoutVariationOnlyEqualMeansAreAlike) {
  EXPECT_EQ(WelchT(Of({5, 5, 5}), Of({5, 5})), 0);
  EXPECT_EQ(WelchT(Of({6, 6, 6}), Of({5, 5})), std::numeric_limits<double>::infinity());
  EXPECT_EQ(WelchT(Of({6}), Of({5, 5})), 0) << "one value says nothing";
}

TEST(GuessesTest, ShareExactlyTheDigitsOfTheirClass) {
  Guesses guesses(kHead, kRight, 7);
  std::array<std::size_t, Guesses::kClasses> seen{};
  for (int i = 0; i < 10'000; ++i) {
    const std::size_t shared = guesses.Next();
    ASSERT_EQ(SharedDigits(guesses.header()), shared) << guesses.header();
    ASSERT_EQ(guesses.header().size(), kHead.size() + kRight.size());
    ASSERT_EQ(guesses.header().substr(kHead.size()).find_first_not_of("0123456789abcdef"), std::string_view::npos);
    ++seen.at(shared);
  }
  for (const std::size_t count : seen) EXPECT_NEAR(static_cast<double>(count), 10'000.0 / 32, 100);
}

/// A clock that only the check moves: by 500 ns, `leak_ns` per digit that it finds right, and a jitter that has nothing
/// to do with the guess.
TimingReport Simulate(std::uint64_t leak_ns, std::size_t guesses_count) {
  Guesses guesses(kHead, kRight, 7);
  std::mt19937_64 jitter(11);
  std::uint64_t now = 0;
  const Check check = [&](std::string_view header) { now += 500 + leak_ns * SharedDigits(header) + jitter() % 200; };
  return Compare(TimeGuesses(guesses, guesses_count, check, [&] { return now; }));
}

TEST(SignatureTimingTest, TimesThatHaveNothingToDoWithTheGuessAreNoLeak) {
  const TimingReport report = Simulate(0, 100'000);
  EXPECT_FALSE(report.leaks()) << report.t_max;
  EXPECT_GT(report.t_max, 0);
  EXPECT_NEAR(report.mean_ns, 600, 5);
}

TEST(SignatureTimingTest, ANanosecondPerRightDigitIsALeak) {
  const TimingReport report = Simulate(1, 100'000);
  EXPECT_TRUE(report.leaks()) << report.t_max;
  EXPECT_GT(report.class_of_t_max, 20U) << "the class with the most right digits stands out the most";
  EXPECT_NEAR(report.difference_ns, static_cast<double>(report.class_of_t_max), 5);
}

TEST(SignatureTimingTest, AnOutlierIsLeftOut) {
  Guesses guesses(kHead, kRight, 7);
  std::uint64_t now = 0;
  std::size_t calls = 0;
  const Check check = [&](std::string_view) { now += ++calls % 5'000 == 0 ? 1'000'000 : 500 + calls % 3; };
  const TimingReport report = Compare(TimeGuesses(guesses, 10'000, check, [&] { return now; }));
  EXPECT_EQ(report.cropped, 2U);
  EXPECT_NEAR(report.mean_ns, 501, 1);
}

/// The fault that the benchmark is there to find: stops at the first digit that is wrong.
bool EarlyExitEquals(std::string_view guess, std::string_view right) {
  for (std::size_t i = 0; i < right.size(); ++i) {
    if (guess[i] != right[i]) return false;
  }
  return true;
}

TEST(SignatureTimingTest, FindsAComparisonThatStopsEarlyOnTheRealClock) {
  Guesses guesses(kHead, kRight, 7);
  volatile bool believed = false;
  const Check check = [&](std::string_view header) { believed = EarlyExitEquals(header.substr(kHead.size()), kRight); };
  const TimingReport report = Compare(TimeGuesses(guesses, 200'000, check, SteadyNanoseconds));
  EXPECT_TRUE(report.leaks()) << report.t_max;
  EXPECT_GT(report.difference_ns, 0);
  EXPECT_FALSE(believed);
}

}  // namespace
}  // namespace keystrand::bench
