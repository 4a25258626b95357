#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <vector>

namespace keystrand::bench {

/// CPU time, user and system, that process `pid` has used since its start, in the kernel's steps (10 ms on Linux);
/// nullopt if it is gone. Source: proc(5), /proc/PID/stat.
std::optional<std::chrono::duration<double>> CpuTimeOf(pid_t pid);
/// The sum over `pids`: of a program that is several processes. nullopt if one of them is gone.
std::optional<std::chrono::duration<double>> CpuTimeOf(const std::vector<pid_t>& pids);

/// The same of the calling process, in microseconds.
std::chrono::duration<double> OwnCpuTime();

}  // namespace keystrand::bench
