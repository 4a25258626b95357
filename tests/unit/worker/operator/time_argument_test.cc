#include "worker/operator/time_argument.h"

#include <gtest/gtest.h>

namespace keystrand::worker::op {
namespace {

constexpr std::int64_t kNowMs = 1'800'000'000'000;

TEST(TimeArgument, ReadsTimesDatesAndHowLongAgo) {
  EXPECT_EQ(ParseTime("2026-11-24T01:02:03Z", kNowMs), 1'795'482'123'000);
  EXPECT_EQ(ParseTime("2026-11-24T02:02:03+01:00", kNowMs), 1'795'482'123'000);
  EXPECT_EQ(ParseTime("2026-11-24", kNowMs), 1'795'478'400'000);
  EXPECT_EQ(ParseTime("90s", kNowMs), kNowMs - 90'000);
  EXPECT_EQ(ParseTime("15m", kNowMs), kNowMs - 15 * 60'000);
  EXPECT_EQ(ParseTime("2h", kNowMs), kNowMs - 2 * 3'600'000);
  EXPECT_EQ(ParseTime("3d", kNowMs), kNowMs - 3 * 86'400'000LL);
}

TEST(TimeArgument, RefusesAllElse) {
  for (const char* text :
       {"", "yesterday", "2h30m", "-2h", "h", "2", "2w", "1000001d", "2026-13-24", "24.11.2026 01:02"}) {
    EXPECT_FALSE(ParseTime(text, kNowMs)) << text;
  }
}

}  // namespace
}  // namespace keystrand::worker::op
