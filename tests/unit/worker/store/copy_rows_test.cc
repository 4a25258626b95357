#include "worker/store/copy_rows.h"

#include <gtest/gtest.h>

#include <limits>

namespace keystrand::worker::store {
namespace {

using namespace std::string_literals;

const std::string kHead = "PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"s;
const std::string kEnd = "\xff\xff"s;

constexpr CopyStatement kOne{"test", "", 1};

/// The field's bytes after the length, of a row of one column.
template <typename Put>
std::string Field(Put put) {
  CopyRows rows(kOne);
  put(rows);
  return std::move(rows).Take().substr(kHead.size() + 2);
}

std::int64_t Microseconds(const std::string& field) {
  std::uint64_t number = 0;
  for (const char byte : field.substr(4, 8)) number = number << 8U | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(number);
}

TEST(CopyRowsTest, EachRowTellsItsColumnsAndEachFieldItsLength) {
  CopyRows rows({"test", "", 2});
  rows.Text("a").Integer(-2).TextOrNull("").Bigint(0x0102030405060708);
  EXPECT_EQ(rows.rows(), 2U);
  EXPECT_EQ(std::move(rows).Take(), kHead + "\0\2"s + "\0\0\0\1a"s + "\0\0\0\4\xff\xff\xff\xfe"s + "\0\2"s +
                                        "\xff\xff\xff\xff"s + "\0\0\0\x08\1\2\3\4\5\6\7\x08"s + kEnd);
}

TEST(CopyRowsTest, NoRowsAreTheHeadAndTheEnd) { EXPECT_EQ(CopyRows(kOne).Take(), kHead + kEnd); }

TEST(CopyRowsTest, JsonbHasItsVersionInFront) {
  EXPECT_EQ(Field([](auto& rows) { rows.Jsonb("{}"); }), "\0\0\0\3\1{}"s + kEnd);
  EXPECT_EQ(Field([](auto& rows) { rows.JsonbOrNull(""); }), "\xff\xff\xff\xff"s + kEnd);
}

TEST(CopyRowsTest, FlagsAreOneByte) {
  EXPECT_EQ(Field([](auto& rows) { rows.Boolean(true); }), "\0\0\0\1\1"s + kEnd);
  EXPECT_EQ(Field([](auto& rows) { rows.Boolean(false); }), "\0\0\0\1\0"s + kEnd);
}

TEST(CopyRowsTest, TimesCountMicrosecondsFromTheYear2000) {
  EXPECT_EQ(Microseconds(Field([](auto& rows) { rows.UnixSeconds(946'684'801); })), 1'000'000);
  EXPECT_EQ(Microseconds(Field([](auto& rows) { rows.UnixMilliseconds(946'684'799'999); })), -1'000);
}

TEST(CopyRowsTest, TimesOutOfAllRangeAreNeverPostgresInfinity) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  for (const auto seconds : {kMost, kMost / 1'000'000 + 1, kLeast, kLeast / 1'000'000 - 1, kLeast / 1'000'000 + 1}) {
    const auto microseconds = Microseconds(Field([&](auto& rows) { rows.UnixSeconds(seconds); }));
    EXPECT_EQ(microseconds, seconds > 0 ? kMost - 1 : kLeast + 1) << seconds;
  }
}

}  // namespace
}  // namespace keystrand::worker::store
