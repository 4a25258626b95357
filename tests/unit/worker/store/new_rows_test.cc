#include "worker/store/new_rows.h"

#include <gtest/gtest.h>

#include <limits>
#include <utility>

namespace keystrand::worker::store {
namespace {

using namespace std::string_literals;

const std::string kHead = "PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"s;
const std::string kEnd = "\xff\xff"s;

constexpr NewRowsStatement kOne{{"test", ""}, "", 1};

/// What is copied for one field: its length and its bytes.
template <typename Put>
std::string Copied(Put put) {
  NewRows rows(kOne, true);
  put(rows);
  auto bytes = std::move(rows).TakeCopy().substr(kHead.size() + 2);
  return bytes.substr(0, bytes.size() - kEnd.size());
}

/// What the array of one element has for the same field: as a type, and as its length and bytes.
template <typename Put>
std::pair<ElementType, std::string> Inserted(Put put) {
  NewRows rows(kOne, false);
  put(rows);
  const auto params = std::move(rows).TakeParams();
  const auto wire = params.ForWire();
  const std::string array(wire.values.at(0), static_cast<std::size_t>(wire.lengths.at(0)));
  std::uint32_t type = 0;
  for (const char byte : array.substr(8, 4)) type = type << 8U | static_cast<unsigned char>(byte);
  return {static_cast<ElementType>(type), array.substr(20)};
}

std::int64_t Microseconds(const std::string& field) {
  std::uint64_t number = 0;
  for (const char byte : field.substr(4, 8)) number = number << 8U | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(number);
}

struct FieldCase {
  const char* name;
  void (*put)(NewRows&);
  ElementType type;
  std::string bytes;  ///< with the length in front
};

const FieldCase kFields[] = {
    {"Text", [](auto& rows) { rows.Text("a"); }, ElementType::kText, "\0\0\0\1a"s},
    {"EmptyText", [](auto& rows) { rows.Text(""); }, ElementType::kText, "\0\0\0\0"s},
    {"NoText", [](auto& rows) { rows.TextOrNull(""); }, ElementType::kText, "\xff\xff\xff\xff"s},
    {"Jsonb", [](auto& rows) { rows.Jsonb("{}"); }, ElementType::kJsonb, "\0\0\0\3\1{}"s},
    {"NoJsonb", [](auto& rows) { rows.JsonbOrNull(""); }, ElementType::kJsonb, "\xff\xff\xff\xff"s},
    {"Integer", [](auto& rows) { rows.Integer(-2); }, ElementType::kInteger, "\0\0\0\4\xff\xff\xff\xfe"s},
    {"Bigint", [](auto& rows) { rows.Bigint(0x0102030405060708); }, ElementType::kBigint,
     "\0\0\0\x08\1\2\3\4\5\6\7\x08"s},
    {"True", [](auto& rows) { rows.Boolean(true); }, ElementType::kBoolean, "\0\0\0\1\1"s},
    {"False", [](auto& rows) { rows.Boolean(false); }, ElementType::kBoolean, "\0\0\0\1\0"s},
    {"OneSecondAfter2000", [](auto& rows) { rows.UnixSeconds(946'684'801); }, ElementType::kTimestamptz,
     "\0\0\0\x08\0\0\0\0\0\x0f\x42\x40"s},
    {"OneMillisecondBefore2000", [](auto& rows) { rows.UnixMilliseconds(946'684'799'999); }, ElementType::kTimestamptz,
     "\0\0\0\x08\xff\xff\xff\xff\xff\xff\xfc\x18"s},
};

class FieldTest : public testing::TestWithParam<FieldCase> {};

TEST_P(FieldTest, IsTheSameCopiedAndInserted) {
  EXPECT_EQ(Copied(GetParam().put), GetParam().bytes);
  EXPECT_EQ(Inserted(GetParam().put), std::pair(GetParam().type, GetParam().bytes));
}

INSTANTIATE_TEST_SUITE_P(NewRows, FieldTest, testing::ValuesIn(kFields),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(NewRowsTest, CopiedOnesTellTheirColumnsRowByRow) {
  NewRows rows({{"test", ""}, "", 2}, true);
  rows.Text("a").Integer(1).Text("b").Integer(2);
  EXPECT_EQ(std::move(rows).TakeCopy(),
            kHead + "\0\2"s + "\0\0\0\1a"s + "\0\0\0\4\0\0\0\1"s + "\0\2"s + "\0\0\0\1b"s + "\0\0\0\4\0\0\0\2"s + kEnd);
}

TEST(NewRowsTest, FewOnesAreAnArrayPerColumn) {
  NewRows rows({{"test", ""}, "", 2}, false);
  rows.Text("a").Integer(1).Null(ElementType::kText).Integer(2);
  const auto params = std::move(rows).TakeParams();
  const auto wire = params.ForWire();
  ASSERT_EQ(wire.values.size(), 2U);
  EXPECT_EQ(std::string(wire.values[0] + 20, 9), "\0\0\0\1a\xff\xff\xff\xff"s);
  EXPECT_EQ(std::string(wire.values[1] + 20, 16), "\0\0\0\4\0\0\0\1\0\0\0\4\0\0\0\2"s);
}

TEST(NewRowsTest, TimesOutOfAllRangeAreNeverPostgresInfinity) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  for (const auto seconds : {kMost, kMost / 1'000'000 + 1, kLeast, kLeast / 1'000'000 - 1, kLeast / 1'000'000 + 1}) {
    const auto microseconds = Microseconds(Copied([&](auto& rows) { rows.UnixSeconds(seconds); }));
    EXPECT_EQ(microseconds, seconds > 0 ? kMost - 1 : kLeast + 1) << seconds;
  }
}

}  // namespace
}  // namespace keystrand::worker::store
