#include "common/metrics/process_metrics.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "common/log/log.h"
#include "tests/unit/common/metrics/exposition.h"

namespace keystrand::metrics {
namespace {

class ProcessMetricsTest : public testing::Test {
 protected:
  double ValueOf(const std::string& series) {
    const auto samples = ParseExposition(registry_.Text()).samples;
    const auto found = samples.find(series);
    return found == samples.end() ? -1 : found->second;
  }
  Registry registry_;
  bool database_ok_ = false;
  ProcessMetrics process_{registry_, {"0.1.0", "a1b2c3d", [this] {
                                        return std::vector<ReadyCheck>{{"database", database_ok_}, {"group", true}};
                                      }}};
};

TEST_F(ProcessMetricsTest, ProcessFiguresArePlausible) {
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_LE(ValueOf("process_start_time_seconds"), now + 2);
  EXPECT_GT(ValueOf("process_start_time_seconds"), now - 3600);
  EXPECT_GT(ValueOf("process_resident_memory_bytes"), 1e6);
  EXPECT_LT(ValueOf("process_resident_memory_bytes"), 1e11);
  EXPECT_GT(ValueOf("process_max_fds"), 10);
  const double before = ValueOf("process_cpu_seconds_total");
  EXPECT_GT(before, 0);
  volatile unsigned spin = 0;
  while (ValueOf("process_cpu_seconds_total") <= before && spin < 100000) spin = spin + 1;
  EXPECT_GT(ValueOf("process_cpu_seconds_total"), before);
}

/// By asking for each number, the slow way.
int OpenFiles() {
  int open = 0;
  for (int fd = 0; fd < 4096; ++fd) open += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return open;
}

TEST_F(ProcessMetricsTest, OpenFilesAreCounted) {
  const double before = ValueOf("process_open_fds");
  EXPECT_EQ(before, OpenFiles());
  const std::ifstream one("/dev/null");
  const std::ifstream two("/dev/null");
  EXPECT_EQ(ValueOf("process_open_fds"), before + 2);
}

TEST_F(ProcessMetricsTest, ReadinessIsAskedAtEachScrape) {
  EXPECT_EQ(ValueOf("keystrand_ready{check=\"database\"}"), 0);
  EXPECT_EQ(ValueOf("keystrand_ready{check=\"group\"}"), 1);
  database_ok_ = true;
  EXPECT_EQ(ValueOf("keystrand_ready{check=\"database\"}"), 1);
}

TEST_F(ProcessMetricsTest, ShowsBuildAndDraining) {
  EXPECT_EQ(ValueOf("keystrand_build_info{version=\"0.1.0\",revision=\"a1b2c3d\"}"), 1);
  EXPECT_EQ(ValueOf("keystrand_draining"), 0);
  process_.draining.Set(1);
  EXPECT_EQ(ValueOf("keystrand_draining"), 1);
}

TEST_F(ProcessMetricsTest, CountsLogLinesByLevel) {
  const double before = ValueOf("keystrand_log_messages_total{level=\"warn\"}");
  testing::internal::CaptureStderr();
  log::Warn(log::Action::kDbError, "counted");
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(ValueOf("keystrand_log_messages_total{level=\"warn\"}"), before + 1);
  EXPECT_EQ(ValueOf("keystrand_log_messages_total{level=\"debug\"}"), 0);
}

}  // namespace
}  // namespace keystrand::metrics
