#include "tests/bench/loadgen/response_reader.h"

#include <gtest/gtest.h>

namespace keystrand::bench {
namespace {

using Progress = ResponseReader::Progress;

constexpr std::string_view kAccepted = "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length: 17\r\n\r\n{\"received\":true}";

TEST(ResponseReaderTest, ReadsResponsesCutAnywhere) {
  for (std::size_t cut = 1; cut < kAccepted.size(); ++cut) {
    ResponseReader reader;
    ASSERT_EQ(reader.Feed(kAccepted.substr(0, cut)), Progress::kIncomplete) << cut;
    ASSERT_EQ(reader.Feed(kAccepted.substr(cut)), Progress::kComplete) << cut;
    EXPECT_EQ(reader.status(), 200);
    EXPECT_FALSE(reader.closes());
  }
}

TEST(ResponseReaderTest, ReadsOneAfterAnother) {
  ResponseReader reader;
  EXPECT_EQ(reader.Feed(kAccepted), Progress::kComplete);
  EXPECT_EQ(reader.Feed("HTTP/1.1 503 Service Unavailable\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n"),
            Progress::kComplete);
  EXPECT_EQ(reader.status(), 503);
  EXPECT_TRUE(reader.closes());
}

TEST(ResponseReaderTest, RefusesWhatItCannotFrame) {
  EXPECT_EQ(ResponseReader().Feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Progress::kMalformed);
  EXPECT_EQ(ResponseReader().Feed("SSH-2.0-OpenSSH\r\n\r\n"), Progress::kMalformed);
  EXPECT_EQ(ResponseReader().Feed(std::string(kAccepted) + "HTTP/1.1"), Progress::kMalformed) << "nothing was asked";
  EXPECT_EQ(ResponseReader().Feed(std::string(20'000, 'x')), Progress::kMalformed) << "a head without end";
}

}  // namespace
}  // namespace keystrand::bench
