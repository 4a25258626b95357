#include "tests/bench/measure/process_cpu.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace keystrand::bench {
namespace {

std::chrono::duration<double> Seconds(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

std::optional<std::chrono::duration<double>> CpuTimeOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  std::istringstream fields(line.substr(line.rfind(')') + 1));  // the name before it may hold spaces
  std::string skipped;
  constexpr int kFieldsBeforeUtime = 11;  // state … cmajflt
  for (int i = 0; i < kFieldsBeforeUtime; ++i) fields >> skipped;
  double user_ticks = 0;
  double system_ticks = 0;
  if (!(fields >> user_ticks >> system_ticks)) return std::nullopt;
  return std::chrono::duration<double>((user_ticks + system_ticks) / static_cast<double>(sysconf(_SC_CLK_TCK)));
}

std::optional<std::chrono::duration<double>> CpuTimeOf(const std::vector<pid_t>& pids) {
  std::chrono::duration<double> sum{};
  for (const pid_t pid : pids) {
    const auto time = CpuTimeOf(pid);
    if (!time) return std::nullopt;
    sum += *time;
  }
  return sum;
}

std::chrono::duration<double> OwnCpuTime() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
}

}  // namespace keystrand::bench
