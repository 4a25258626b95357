#include "common/metrics/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "common/log/log.h"

namespace keystrand::metrics {
namespace {

using Type = Family::Type;

constexpr Name kDraining{"keystrand_draining", "1 once the process was asked to stop"};
constexpr Name kBuildInfo{"keystrand_build_info", "Always 1; the labels say what runs"};
constexpr Name kReady{"keystrand_ready", "1 while the readiness check passes"};
constexpr Name kLogLines{"keystrand_log_messages_total", "Log lines by level, folded ones included"};
constexpr Name kLogDropped{"keystrand_log_dropped_total",
                           "Log lines pushed out of a full queue or not taken by their reader"};
constexpr Name kCpu{"process_cpu_seconds_total", "User and system CPU time"};
constexpr Name kResident{"process_resident_memory_bytes", "Resident memory"};
constexpr Name kOpenFds{"process_open_fds", "Open file descriptors"};
constexpr Name kMaxFds{"process_max_fds", "Most file descriptors that may be open"};
constexpr Name kStartTime{"process_start_time_seconds", "When the process started"};

Family Single(const Name& name, Type type, double value) { return {name, type, {{{}, value}}}; }

double CpuSeconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0;
  double resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double OpenFds() {
  std::error_code error;
  const std::filesystem::directory_iterator entries("/proc/self/fd", error);
  if (error) return 0;
  return static_cast<double>(std::distance(begin(entries), end(entries))) - 1;  // without the one that lists them
}

double MaxFds() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

/// Unix seconds of the machine's start, from /proc/stat.
double BootTime() {
  std::ifstream stat("/proc/stat");
  for (std::string word; stat >> word;) {
    double seconds = 0;
    if (word == "btime" && stat >> seconds) return seconds;
  }
  return 0;
}

/// Field 22 of /proc/self/stat, in clock ticks since boot. Counted from the last ')': a program's name may hold blanks.
double StartTime() {
  std::ifstream stat("/proc/self/stat");
  std::string line;
  std::getline(stat, line);
  std::istringstream fields(line.substr(line.rfind(')') + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  double ticks = 0;
  fields >> ticks;
  return BootTime() + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

Family LogLines(const log::Counts& counts) {
  Family family{kLogLines, Type::kCounter, {}};
  for (std::size_t i = 0; i < counts.lines.size(); ++i) {
    family.samples.push_back({{{"level", std::string(log::kLevelNames[i])}}, static_cast<double>(counts.lines[i])});
  }
  return family;
}

Family Ready(const ProcessInfo& info) {
  Family family{kReady, Type::kGauge, {}};
  if (!info.ready_checks) return family;
  for (const auto& check : info.ready_checks())
    family.samples.push_back({{{"check", check.name}}, check.ok ? 1.0 : 0.0});
  return family;
}

Family BuildInfo(const ProcessInfo& info) {
  return {kBuildInfo, Type::kGauge, {{{{"version", info.version}, {"revision", info.revision}}, 1}}};
}

std::vector<Family> Families(const ProcessInfo& info, double start_time) {
  const auto counts = log::CountsSoFar();
  return {BuildInfo(info),
          Ready(info),
          LogLines(counts),
          Single(kLogDropped, Type::kCounter, static_cast<double>(counts.dropped)),
          Single(kCpu, Type::kCounter, CpuSeconds()),
          Single(kResident, Type::kGauge, ResidentBytes()),
          Single(kOpenFds, Type::kGauge, OpenFds()),
          Single(kMaxFds, Type::kGauge, MaxFds()),
          Single(kStartTime, Type::kGauge, start_time)};
}

}  // namespace

ProcessMetrics::ProcessMetrics(Registry& registry, ProcessInfo info) : draining(registry.AddGauge(kDraining)) {
  registry.AddSource([info = std::move(info), start_time = StartTime()] { return Families(info, start_time); });
}

}  // namespace keystrand::metrics
