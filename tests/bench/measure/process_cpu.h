#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>

namespace keystrand::bench {

/// CPU time, user and system, that process `pid` has used since its start, in the kernel's steps (10 ms on Linux);
/// nullopt if it is gone. Source: proc(5), /proc/PID/stat.
std::optional<std::chrono::duration<double>> CpuTimeOf(pid_t pid);

/// The same of the calling process, in microseconds.
std::chrono::duration<double> OwnCpuTime();

}  // namespace keystrand::bench
