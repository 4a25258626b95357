#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <string>

#include "common/stripe/signature_verifier.h"
#include "tests/bench/measure/json_line.h"
#include "tests/bench/signature_timing/guesses.h"
#include "tests/bench/signature_timing/timing_run.h"
#include "tests/bench/workload/digest.h"

namespace keystrand::bench {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::size_t kGuessesMin = 1'000;

const std::string kSecret = "whsec_invented_for_the_benchmark_it_guards_nothing";
// Short, so that what the digest takes does not drown what the comparison takes.
const std::string kPayload = R"({"id": "evt_1", "object": "event"})";
const sys_seconds kSignedAt(seconds(1'700'000'000));

std::string SignedAtText() { return std::to_string(kSignedAt.time_since_epoch().count()); }

TimingReport Measure(std::size_t count, std::uint64_t seed) {
  const stripe::SignatureVerifier verifier({kSecret}, seconds(300));
  Guesses guesses("t=" + SignedAtText() + ",v1=", Hex(Signer(kSecret).Sign(SignedAtText(), kPayload)), seed);
  std::size_t believed = 0;
  const Check check = [&](std::string_view header) {
    believed += verifier.Verify(kPayload, header, kSignedAt).has_value() ? 1 : 0;
  };
  const TimingReport report = Compare(TimeGuesses(guesses, count, check, SteadyNanoseconds));
  if (believed > 0) std::abort();  // no guess is right: something else was measured
  return report;
}

std::string ReportLine(const TimingReport& report) {
  JsonLine line;
  line.Add("guesses", report.guesses)
      .Add("classes", Guesses::kClasses)
      .Add("t_max", report.t_max)
      .Add("limit", kWelchLimit)
      .Bool("leaks", report.leaks())
      .Add("class_of_t_max", report.class_of_t_max)
      .Add("difference_ns", report.difference_ns)
      .Add("mean_ns", report.mean_ns)
      .Add("cropped", report.cropped)
      .Add("cropped_above_ns", report.cropped_above_ns);
  return line.str();
}

int Main(int argc, char** argv) {
  CLI::App app(
      "Whether the time of the signature check tells how much of a guessed signature is right. One line of JSON; "
      "\"leaks\" is the verdict, the exit code only says that it was measured.");
  std::size_t count = 1'000'000;
  std::uint64_t seed = 1;
  app.add_option("--guesses", count)->capture_default_str()->check(CLI::Range(kGuessesMin, std::size_t{100'000'000}));
  app.add_option("--seed", seed)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  std::cout << ReportLine(Measure(count, seed)) << std::endl;
  return 0;
}

}  // namespace
}  // namespace keystrand::bench

int main(int argc, char** argv) { return keystrand::bench::Main(argc, argv); }
