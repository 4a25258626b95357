#include "tests/bench/measure/process_cpu.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace keystrand::bench {
namespace {

using Seconds = std::chrono::duration<double>;

/// The pid of a child that has ended and was collected: nobody's.
pid_t EndedProcess() {
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  waitpid(pid, nullptr, 0);
  return pid;
}

void Burn(Seconds time) {
  const Seconds end = OwnCpuTime() + time;
  while (OwnCpuTime() < end) {
  }
}

TEST(ProcessCpuTest, GrowsWithWhatTheProcessUses) {
  const auto before = CpuTimeOf(getpid());
  Burn(Seconds(0.1));
  const auto after = CpuTimeOf(getpid());
  ASSERT_TRUE(before && after);
  EXPECT_GE((*after - *before).count(), 0.08) << "the kernel counts in steps of 10 ms";
}

TEST(ProcessCpuTest, AddsUpTheProcessesOfOneProgram) {
  Burn(Seconds(0.05));
  const auto one = CpuTimeOf(getpid());
  const auto twice = CpuTimeOf({getpid(), getpid()});
  ASSERT_TRUE(one && twice);
  EXPECT_GT(one->count(), 0);
  EXPECT_GE(twice->count(), 2 * one->count());
}

TEST(ProcessCpuTest, ASumWithoutOneOfTheProcessesIsNoFigure) {
  EXPECT_FALSE(CpuTimeOf({getpid(), EndedProcess()}).has_value());
}

}  // namespace
}  // namespace keystrand::bench
