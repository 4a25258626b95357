#include "common/log/line_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <thread>

namespace keystrand::log {
namespace {

using namespace std::chrono_literals;

class LineWriterTest : public testing::Test {
 protected:
  LineWriterTest() { ::signal(SIGPIPE, SIG_IGN); }
  ~LineWriterTest() override {
    CloseReader();
    ::close(ends_[1]);
  }
  LineWriterTest(const LineWriterTest&) = delete;
  LineWriterTest& operator=(const LineWriterTest&) = delete;

  void CloseReader() {
    if (ends_[0] >= 0) ::close(ends_[0]);
    ends_[0] = -1;
  }
  std::string Read() {
    std::string text(1 << 20, '\0');
    const ssize_t count = ::read(ends_[0], text.data(), text.size());
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, count)));
    return text;
  }
  /// Until the pipe takes no more; the reader hangs.
  void Fill() {
    ::fcntl(ends_[1], F_SETPIPE_SZ, 4096);
    writer_.Write(std::string(4095, 'x') + "\n");
  }

  static std::array<int, 2> Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    return ends;
  }
  std::array<int, 2> ends_ = Pipe();
  LineWriter writer_{ends_[1]};
};

TEST_F(LineWriterTest, HoldsNothingBack) {
  writer_.Write("{}\n");
  EXPECT_EQ(Read(), "{}\n");
  EXPECT_EQ(writer_.lost(), 0u);
}

TEST_F(LineWriterTest, WaitsForAReaderThatIsSlow) {
  Fill();
  std::jthread reader([this] { Read(); });
  writer_.Write("{}\n");
  EXPECT_EQ(writer_.lost(), 0u);
}

TEST_F(LineWriterTest, CountsWhatAReaderThatIsGoneDoesNotTake) {
  CloseReader();
  writer_.Write("{}\n");
  writer_.Write("{}\n");
  EXPECT_EQ(writer_.lost(), 2u);
}

TEST_F(LineWriterTest, CountsWhatAFullDiskDoesNotTake) {
  const int full = ::open("/dev/full", O_WRONLY);
  LineWriter writer(full);
  writer.Write("{}\n");
  EXPECT_EQ(writer.lost(), 1u);
  ::close(full);
}

TEST_F(LineWriterTest, WaitsForAllLinesTogetherNoLongerThanStopAllows) {
  Fill();
  writer_.Stop(50ms);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 1'000; ++i) writer_.Write("{}\n");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_EQ(writer_.lost(), 1'000u);
}

TEST_F(LineWriterTest, ALineThatBrokeOffIsNotGluedToTheNext) {
  ::fcntl(ends_[1], F_SETPIPE_SZ, 8192);
  writer_.Stop(0ms);
  writer_.Write(std::string(10'000, 'x') + "\n");  // the pipe takes two pages of it
  Read();
  writer_.Write("{}\n");
  EXPECT_EQ(Read(), "\n{}\n");
  EXPECT_EQ(writer_.lost(), 1u);
}

}  // namespace
}  // namespace keystrand::log
