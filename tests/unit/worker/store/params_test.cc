#include "worker/store/params.h"

#include <gtest/gtest.h>

#include <optional>

namespace keystrand::worker::store {
namespace {

using namespace std::string_literals;

TEST(ArrayTest, TextsNumbersAndFlagsHaveTheirBinaryForm) {
  const auto one = [](auto element) {
    return std::move(ArrayOf(std::vector{element}, [](const auto& it) { return it; })).Take();
  };
  const auto header = [](char type) { return "\0\0\0\1\0\0\0\0\0\0\0"s + type + "\0\0\0\1\0\0\0\1"s; };
  EXPECT_EQ(one("a\"\\"s), header(25) + "\0\0\0\3a\"\\"s);
  EXPECT_EQ(one(std::int64_t{-2}), header(20) + "\0\0\0\x08\xff\xff\xff\xff\xff\xff\xff\xfe"s);
  EXPECT_EQ(one(std::int32_t{0x01020304}), header(23) + "\0\0\0\4\1\2\3\4"s);
  EXPECT_EQ(std::move(ArrayOf(std::vector<int>{1}, [](int it) { return it == 1; })).Take(), header(16) + "\0\0\0\1\1"s);
}

TEST(ArrayTest, NullIsKeptApartFromAnEmptyText) {
  const std::vector<std::optional<std::string>> elements{"", std::nullopt};
  EXPECT_EQ(std::move(ArrayOf(elements, [](const auto& it) { return it; })).Take(),
            "\0\0\0\1\0\0\0\1\0\0\0\x19\0\0\0\2\0\0\0\1"s + "\0\0\0\0"s + "\xff\xff\xff\xff"s);
}

TEST(ArrayTest, EmptyOneHasNoDimensionButItsType) {
  const std::vector<std::int64_t> none;
  EXPECT_EQ(std::move(ArrayOf(none, [](auto it) { return it; })).Take(), "\0\0\0\0\0\0\0\0\0\0\0\x14"s);
}

TEST(TextArrayTest, QuotesEveryElement) {
  EXPECT_EQ(TextArray({}), "{}");
  EXPECT_EQ(TextArray({"a", "NULL", "", R"(say "hi" \ bye)", "{x,y}"}),
            R"({"a","NULL","","say \"hi\" \\ bye","{x,y}"})");
}

TEST(ParamsTest, OnlyArraysAreBinary) {
  Params params;
  params.Add("a"s).Add(std::int64_t{12}).AddNull().Add(Array(ElementType::kText));
  const auto wire = params.ForWire();
  EXPECT_EQ(wire.formats, (std::vector<int>{0, 0, 0, 1}));
  EXPECT_EQ(wire.lengths, (std::vector<int>{1, 2, 0, 12}));
  EXPECT_STREQ(wire.values[1], "12");
  EXPECT_EQ(wire.values[2], nullptr);
}

TEST(ParseTextArrayTest, ReadsBackWhatPostgresPrints) {
  EXPECT_TRUE(ParseTextArray("{}").empty());
  EXPECT_EQ(ParseTextArray(R"({a,"b c","",NULL,"NULL","x\"y\\z,}"})"),
            (std::vector<std::string>{"a", "b c", "", "", "NULL", "x\"y\\z,}"}));
}

TEST(ByteaTest, SurvivesTheRoundTrip) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  EXPECT_EQ(FromBytea(Bytea(bytes)), bytes);
  EXPECT_EQ(Bytea("\n"), "\\x0a");
}

}  // namespace
}  // namespace keystrand::worker::store
