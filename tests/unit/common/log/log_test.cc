#include "common/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

namespace keystrand::log {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

/// Lines as the sink received them.
class Captured {
 public:
  void operator()(std::string_view line) {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(line);
  }
  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

class LogTest : public testing::Test {
 protected:
  void Begin(Level level = Level::kInfo) {
    Settings settings;
    settings.service = "keystrand-test";
    settings.version = "1.2.3";
    settings.level = level;
    settings.sink = [this](std::string_view line) { captured_(line); };
    Start(std::move(settings));
  }
  void TearDown() override {
    Stop();
    SetLevel(Level::kInfo);
  }
  Captured captured_;
};

TEST_F(LogTest, WritesOneLinePerCall) {
  Begin();
  Info(Action::kProcessStarted, "started", {{Field::kListen, "127.0.0.1:1"}});
  Warn(Action::kDbUnavailable, "no answer");
  Stop();
  EXPECT_THAT(captured_.lines(),
              ElementsAre(AllOf(HasSubstr("\"level\":\"info\",\"action\":\"process.started\""),
                                HasSubstr("\"service\":\"keystrand-test\""), HasSubstr("\"version\":\"1.2.3\""),
                                HasSubstr("\"listen\":\"127.0.0.1:1\"")),
                          HasSubstr("\"level\":\"warn\",\"action\":\"db.unavailable\"")));
}

TEST_F(LogTest, TheInstanceIsHostAndProcessUnlessGiven) {
  Begin();
  Info(Action::kProcessStarted, "started");
  Stop();
  EXPECT_THAT(captured_.lines(), ElementsAre(HasSubstr(":" + std::to_string(getpid()) + "\"")));
}

TEST_F(LogTest, WritesNothingBelowItsLevel) {
  Begin(Level::kWarn);
  EXPECT_FALSE(Enabled(Level::kInfo));
  EXPECT_TRUE(Enabled(Level::kWarn));
  const auto before = CountsSoFar();
  Debug(Action::kEventApplied, "no");
  Info(Action::kProcessStarted, "no");
  Error(Action::kProcessFailed, "yes");
  Stop();
  EXPECT_THAT(captured_.lines(), ElementsAre(HasSubstr("yes")));
  EXPECT_EQ(CountsSoFar().lines[0], before.lines[0]);
  EXPECT_EQ(CountsSoFar().lines[1], before.lines[1]);
  EXPECT_EQ(CountsSoFar().lines[3], before.lines[3] + 1);
}

TEST_F(LogTest, AStormIsFoldedIntoOneLineAndStillCounted) {
  Begin();
  const auto before = CountsSoFar().lines[2];
  for (int i = 0; i < 60; ++i) Warn(Action::kEventRetry, "it failed", {{Field::kErrorCode, "timeout"}});
  Stop();
  const auto lines = captured_.lines();
  ASSERT_GE(lines.size(), 11U);
  EXPECT_LE(lines.size(), 24U);  // should a second have passed in between
  EXPECT_THAT(lines.back(), AllOf(HasSubstr("\"action\":\"event.retry\""), HasSubstr("\"error_code\":\"timeout\""),
                                  HasSubstr("\"suppressed\":")));
  EXPECT_EQ(CountsSoFar().lines[2], before + 60);
}

TEST_F(LogTest, TheSummaryOfAStormNeedsNoFurtherLine) {
  std::promise<void> summarised;
  Settings settings;
  settings.sink = [&](std::string_view line) {
    if (line.find("\"suppressed\":") != std::string_view::npos) summarised.set_value();
  };
  Start(std::move(settings));
  for (int i = 0; i < 11; ++i) Error(Action::kDbError, "it failed");
  EXPECT_EQ(summarised.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST_F(LogTest, AtDebugNothingIsFolded) {
  Begin(Level::kDebug);
  for (int i = 0; i < 60; ++i) Debug(Action::kEventApplied, "applied");
  Stop();
  EXPECT_THAT(captured_.lines(), SizeIs(60));
}

TEST_F(LogTest, AFullQueueDropsTheOldestAndCountsThem) {
  std::promise<void> writing;
  std::promise<void> go_on;
  std::vector<std::string> lines;
  Settings settings;
  settings.level = Level::kDebug;
  settings.sink = [&, first = true](std::string_view line) mutable {
    if (std::exchange(first, false)) {
      writing.set_value();
      go_on.get_future().wait_for(std::chrono::seconds(30));
    }
    lines.emplace_back(line);
  };
  Start(std::move(settings));
  const auto before = CountsSoFar().dropped;
  Debug(Action::kEventApplied, "first");
  writing.get_future().wait_for(std::chrono::seconds(30));
  for (int i = 0; i < 10000; ++i) Debug(Action::kEventApplied, "applied", {{Field::kCount, i}});
  const auto dropped = CountsSoFar().dropped - before;
  go_on.set_value();
  Stop();
  EXPECT_GE(dropped, 10000U - 8193U);
  EXPECT_LE(dropped, 10000U - 8191U);
  EXPECT_NEAR(static_cast<double>(lines.size() + dropped), 10001, 1);  // the end of the queue itself may push one out
  EXPECT_THAT(lines.back(), HasSubstr("\"count\":9999"));
}

TEST_F(LogTest, ManyThreadsLoseNothing) {
  Begin(Level::kDebug);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 500; ++i) Debug(Action::kEventApplied, "applied", {{Field::kOffset, i}});
    });
  }
  for (auto& thread : threads) thread.join();
  Stop();
  EXPECT_THAT(captured_.lines(), SizeIs(2000));
}

TEST_F(LogTest, BeforeStartAndAfterStopLinesGoToStandardError) {
  testing::internal::CaptureStderr();
  Warn(Action::kConfigInvalid, "early", {{Field::kSetting, "listen"}});
  Begin();
  Stop();
  Warn(Action::kProcessStopped, "late");
  const auto text = testing::internal::GetCapturedStderr();
  EXPECT_THAT(text, AllOf(HasSubstr("\"setting\":\"listen\""), HasSubstr("late")));
  EXPECT_THAT(captured_.lines(), SizeIs(0));
}

TEST_F(LogTest, WithoutASinkLinesGoToStandardOutput) {
  testing::internal::CaptureStdout();
  {
    const Session session({"keystrand-test", "one", "1", Level::kInfo, {}, nullptr});
    Info(Action::kProcessStarted, "started");
  }
  EXPECT_THAT(testing::internal::GetCapturedStdout(),
              AllOf(HasSubstr("\"instance\":\"one\""), testing::EndsWith("}\n")));
}

/// Standard output leads to a file while this lives; stdio buffers it fully.
class RedirectedStdout {
 public:
  RedirectedStdout() : saved_(dup(STDOUT_FILENO)), file_(std::tmpfile()) { dup2(fileno(file_), STDOUT_FILENO); }
  ~RedirectedStdout() {
    std::fflush(stdout);
    dup2(saved_, STDOUT_FILENO);
    close(saved_);
    std::fclose(file_);
  }
  RedirectedStdout(const RedirectedStdout&) = delete;
  RedirectedStdout& operator=(const RedirectedStdout&) = delete;
  [[nodiscard]] bool WrittenWithin(std::chrono::seconds limit) const {
    struct stat status {};
    const auto end = std::chrono::steady_clock::now() + limit;
    while (fstat(fileno(file_), &status) == 0 && status.st_size == 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return status.st_size > 0;
  }

 private:
  int saved_;
  std::FILE* file_;
};

TEST_F(LogTest, ALineIsWrittenOutAtOnce) {
  std::fflush(stdout);
  const RedirectedStdout redirected;
  const Session session({"keystrand-test", "one", "1", Level::kInfo, {}, nullptr});
  Info(Action::kProcessReady, "seen without Stop");
  EXPECT_TRUE(redirected.WrittenWithin(std::chrono::seconds(10)));
}

}  // namespace
}  // namespace keystrand::log
