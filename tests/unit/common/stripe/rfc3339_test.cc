#include "common/stripe/rfc3339.h"

#include <gtest/gtest.h>

namespace keystrand::stripe {
namespace {

struct Case {
  const char* text;
  std::optional<std::int64_t> seconds;
};

const Case kCases[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"2026-10-28T06:20:52.123Z", 1793168452},
    {"2026-10-28T06:20:52.123456789Z", 1793168452},
    {"2026-10-28t06:20:52z", 1793168452},
    {"2026-10-28T08:20:52+02:00", 1793168452},
    {"2026-10-27T22:50:52-07:30", 1793168452},
    {"1969-12-31T23:59:59Z", -1},
    {"2024-02-29T00:00:00Z", 1709164800},
    {"2016-12-31T23:59:60Z", 1483228800},
    {"2023-02-29T00:00:00Z", std::nullopt},
    {"2026-13-01T00:00:00Z", std::nullopt},
    {"2026-00-01T00:00:00Z", std::nullopt},
    {"2026-01-32T00:00:00Z", std::nullopt},
    {"2026-01-01T24:00:00Z", std::nullopt},
    {"2026-01-01T00:60:00Z", std::nullopt},
    {"2026-01-01T00:00:61Z", std::nullopt},
    {"2026-01-01T00:00:00+24:00", std::nullopt},
    {"2026-01-01T00:00:00", std::nullopt},
    {"2026-01-01T00:00:00.Z", std::nullopt},
    {"2026-01-01T00:00:00Zx", std::nullopt},
    {"2026-01-01", std::nullopt},
    {"+026-01-01T00:00:00Z", std::nullopt},
    {"1767225600", std::nullopt},
    {"", std::nullopt},
};

TEST(Rfc3339Test, GivesUnixSecondsOrNothing) {
  for (const Case& test : kCases) EXPECT_EQ(UnixSecondsOf(test.text), test.seconds) << test.text;
}

}  // namespace
}  // namespace keystrand::stripe
