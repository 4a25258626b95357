#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>

#include "tests/bench/loadgen/load_run.h"
#include "tests/bench/loadgen/report.h"
#include "tests/bench/loadgen/signed_requests.h"

namespace keystrand::bench {
namespace {

using std::chrono::duration;
using std::chrono::nanoseconds;
using std::chrono::system_clock;

struct Settings {
  std::string name = "load";
  std::uint16_t port = 0;
  std::string path = "/webhooks/stripe";
  std::string template_path;
  std::string secret;
  std::string tag = "bench001";
  std::size_t connections = 64;
  double rate = 0;
  double rate_max = 40'000;
  double warm_up_s = 3;
  double duration_s = 10;
  double grace_s = 10;
  std::size_t requests_max = 0;
  WorkloadShape workload;
  std::vector<std::string> cpu_of;  // NAME=PID; a name may come again
  std::string deliveries_path;
};

constexpr double kRunSecondsMax = 240;  // a signature is good for 300 s, and signing takes some of them

nanoseconds Seconds(double seconds) { return std::chrono::duration_cast<nanoseconds>(duration<double>(seconds)); }

pid_t PidOf(const std::string& name_and_pid) { return std::atoi(name_and_pid.c_str() + name_and_pid.find('=') + 1); }

std::string ProblemOfCpuOf(const std::string& name_and_pid) {
  return PidOf(name_and_pid) > 0 ? "" : name_and_pid + " is not NAME=PID";
}

void AddOptions(CLI::App& app, Settings& to) {
  app.add_option("--port", to.port, "Port of the receiver on 127.0.0.1")->required();
  app.add_option("--template", to.template_path, "The event to vary: workload/charge_succeeded.json")->required();
  app.add_option("--secret", to.secret, "Signing secret of the benchmark, which guards nothing")
      ->envname("KEYSTRAND_BENCH_SECRET")
      ->required();
  app.add_option("--path", to.path, "Path of the endpoint")->capture_default_str();
  app.add_option("--name", to.name, "Name in the report")->capture_default_str();
  app.add_option("--tag", to.tag, "8 letters or digits in every id of this run")
      ->capture_default_str()
      ->check([](const std::string& tag) { return tag.size() == 8 ? "" : "8 characters"; });
  app.add_option("--rate", to.rate, "Open loop: requests a second; 0 = closed loop")->capture_default_str();
  app.add_option("--rate-max", to.rate_max,
                 "Closed loop: sign so many requests a second beforehand; more than the receiver takes")
      ->capture_default_str();
  app.add_option("--connections", to.connections)->capture_default_str()->check(CLI::Range(1, 20'000));
  app.add_option("--warm-up", to.warm_up_s, "Seconds that are not measured")->capture_default_str();
  app.add_option("--duration", to.duration_s, "Seconds that are measured")->capture_default_str();
  app.add_option("--grace", to.grace_s, "Seconds to wait for the last answers")->capture_default_str();
  app.add_option("--requests", to.requests_max, "At most so many; 0 = what the time allows")->capture_default_str();
  app.add_option("--customers", to.workload.customers)->capture_default_str()->check(CLI::Range(1, 1'000'000));
  app.add_option("--zipf", to.workload.zipf_exponent)->capture_default_str();
  app.add_option("--duplicates", to.workload.duplicate_share, "Share of deliveries that repeat an event")
      ->capture_default_str();
  app.add_option("--hot-share", to.workload.hot_share, "Share of new events that belong to one customer")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--seed", to.workload.seed)->capture_default_str();
  app.add_option("--cpu-of", to.cpu_of,
                 "NAME=PID: report the CPU time of a process over the measured window; again with the same name: "
                 "their sum")
      ->check(CLI::Validator(&ProblemOfCpuOf, "NAME=PID"));
  app.add_option("--deliveries", to.deliveries_path,
                 "Write one line per measured answer: event id, due, answered "
                 "(Unix seconds), status");
}

std::size_t RequestsWanted(const Settings& settings) {
  const double rate = settings.rate > 0 ? settings.rate : settings.rate_max;
  const auto by_time = static_cast<std::size_t>(rate * (settings.warm_up_s + settings.duration_s)) + 1;
  return settings.requests_max == 0 ? by_time : std::min(by_time, settings.requests_max);
}

SignedRequests Sign(const Settings& settings, EventTemplate event) {
  WorkloadShape shape = settings.workload;
  shape.deliveries = RequestsWanted(settings);
  const auto now = std::chrono::time_point_cast<std::chrono::seconds>(system_clock::now());
  RunIdentity run{.tag = settings.tag};
  run.first_created = now - std::chrono::seconds(shape.deliveries / run.created_per_second);
  return {std::move(event),
          PlanDeliveries(shape),
          {.port = settings.port, .path = settings.path, .secret = settings.secret, .signed_at = now, .run = run}};
}

LoadShape ShapeOf(const Settings& settings) {
  std::map<std::string, std::vector<pid_t>> cpu_of;
  for (const std::string& process : settings.cpu_of) {
    cpu_of[process.substr(0, process.find('='))].push_back(PidOf(process));
  }
  return {.port = settings.port,
          .connections = settings.connections,
          .rate = settings.rate,
          .warm_up = Seconds(settings.warm_up_s),
          .duration = Seconds(settings.duration_s),
          .grace = Seconds(settings.grace_s),
          .cpu_of = std::move(cpu_of)};
}

void WriteDeliveries(const std::string& path, const SignedRequests& requests, const LoadResult& result) {
  const auto unix_seconds = [](system_clock::time_point time) {
    return duration<double>(time.time_since_epoch()).count();
  };
  std::ofstream file(path);
  file << std::fixed;
  for (const Delivery& delivery : result.deliveries) {
    file << requests.EventId(delivery.index) << ' ' << unix_seconds(delivery.due) << ' '
         << unix_seconds(delivery.answered) << ' ' << delivery.status << '\n';
  }
}

int Run(const Settings& settings) {
  auto event = EventTemplate::Read(settings.template_path);
  if (!event) {
    std::cerr << event.error().detail << "\n";
    return 1;
  }
  const std::size_t body_bytes = event->text().size();
  const SignedRequests requests = Sign(settings, std::move(*event));
  const LoadShape shape = ShapeOf(settings);
  const auto result = RunLoad(shape, requests);
  if (!result) {
    std::cerr << result.error().detail << "\n";
    return 1;
  }
  if (!settings.deliveries_path.empty()) WriteDeliveries(settings.deliveries_path, requests, *result);
  const PlanSummary plan = requests.Summary();
  std::cout << ReportLine({settings.name, body_bytes, plan.deliveries - plan.events}, shape, *result) << std::endl;
  return 0;
}

int Main(int argc, char** argv) {
  CLI::App app("Open- and closed-loop load of signed, unique Stripe events on a receiver of this machine");
  Settings settings;
  AddOptions(app, settings);
  CLI11_PARSE(app, argc, argv);
  if (settings.warm_up_s + settings.duration_s + settings.grace_s > kRunSecondsMax) {
    std::cerr << "a run takes at most " << kRunSecondsMax << " s: its signatures grow old\n";
    return 1;
  }
  return Run(settings);
}

}  // namespace
}  // namespace keystrand::bench

int main(int argc, char** argv) { return keystrand::bench::Main(argc, argv); }
