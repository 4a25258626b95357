#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <optional>
#include <string>

#include "tests/bench/holdopen/hold_run.h"
#include "tests/bench/measure/json_line.h"
#include "tests/bench/measure/process_cpu.h"

namespace keystrand::bench {
namespace {

using std::chrono::milliseconds;

constexpr rlim_t kOtherDescriptors = 64;

struct Settings {
  HoldShape shape;
  std::string mode = "idle";
  std::string template_path;
  std::string secret;
  std::string tag = "hold0001";
  int drip_ms = 1'000;
  int open_deadline_ms = 30'000;
  int seconds_max = 120;
};

void AddOptions(CLI::App& app, Settings& to) {
  app.add_option("--port", to.shape.port, "Port of the receiver on 127.0.0.1")->required();
  app.add_option("--mode", to.mode, "idle: one request each, then nothing; slow: heads that never end")
      ->check(CLI::IsMember({"idle", "slow"}))
      ->required();
  app.add_option("--connections", to.shape.connections)->capture_default_str()->check(CLI::Range(1, 100'000));
  app.add_option("--sources", to.shape.sources, "Addresses they come from: 127.0.0.2, 127.0.0.3, …")
      ->capture_default_str()
      ->check(CLI::Range(1, 250));
  app.add_option("--path", to.shape.path, "Path of the endpoint")->capture_default_str();
  app.add_option("--drip-ms", to.drip_ms, "slow: time between two bytes of a head")
      ->capture_default_str()
      ->check(CLI::Range(1, 60'000));
  app.add_option("--template", to.template_path, "idle: the event to vary: workload/charge_succeeded.json");
  app.add_option("--secret", to.secret, "idle: signing secret of the benchmark, which guards nothing")
      ->envname("KEYSTRAND_BENCH_SECRET");
  app.add_option("--tag", to.tag, "idle: 8 letters or digits in every id of this run")->capture_default_str();
  app.add_option("--open-deadline-ms", to.open_deadline_ms, "For all of them to be held")->capture_default_str();
  app.add_option("--seconds-max", to.seconds_max, "The hold ends with stdin, and after so long at the latest")
      ->capture_default_str()
      ->check(CLI::Range(0, 600));
}

/// Raises our limit of descriptors to what we may. False if even that is too low.
bool AllowDescriptors(std::size_t connections) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max >= connections + kOtherDescriptors;
}

std::optional<SignedRequests> Sign(const Settings& settings) {
  auto event = EventTemplate::Read(settings.template_path);
  if (!event) {
    std::cerr << event.error().detail << "\n";
    return std::nullopt;
  }
  const auto now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  RunIdentity run{.tag = settings.tag};
  run.first_created = now;
  return SignedRequests(std::move(*event),
                        PlanDeliveries({.deliveries = settings.shape.connections, .duplicate_share = 0}),
                        {.port = settings.shape.port,
                         .path = settings.shape.path,
                         .secret = settings.secret,
                         .signed_at = now,
                         .run = run});
}

std::string ReportLine(const HoldCounts& counts) {
  JsonLine answers;
  for (const auto& [status, count] : counts.answers) answers.Add(std::to_string(status), count);
  JsonLine line;
  line.Add("held", counts.held)
      .Add("opened", counts.opened)
      .Add("closed", counts.closed)
      .Add("refused", counts.refused)
      .Object("answers", answers)
      .Add("bytes_sent", counts.bytes_sent)
      .Add("own_cpu_s", OwnCpuTime().count());
  return line.str();
}

/// A line once all are held, another at the end.
int Hold(const Settings& settings, HoldRun& run) {
  if (const auto opened = run.Open(milliseconds(settings.open_deadline_ms)); !opened) {
    std::cerr << opened.error().detail << "\n";
    return 1;
  }
  std::cout << ReportLine(run.counts()) << std::endl;
  run.Hold(std::chrono::seconds(settings.seconds_max), STDIN_FILENO);
  std::cout << ReportLine(run.counts()) << std::endl;
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app(
      "Holds many connections open to a receiver of this machine: idle ones, or ones with heads that never end");
  Settings settings;
  AddOptions(app, settings);
  CLI11_PARSE(app, argc, argv);
  settings.shape.drip = milliseconds(settings.drip_ms);
  if (!AllowDescriptors(settings.shape.connections)) {
    std::cerr << "the limit of open files (ulimit -Hn) is too low for " << settings.shape.connections << "\n";
    return 1;
  }
  if (settings.mode == "slow") {
    HoldRun run(settings.shape);
    return Hold(settings, run);
  }
  const auto requests = Sign(settings);
  if (!requests) return 1;
  HoldRun run(settings.shape, *requests);
  return Hold(settings, run);
}

}  // namespace
}  // namespace keystrand::bench

int main(int argc, char** argv) { return keystrand::bench::Main(argc, argv); }
