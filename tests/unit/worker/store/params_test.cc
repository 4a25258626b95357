#include "worker/store/params.h"

#include <gtest/gtest.h>

#include <optional>

namespace keystrand::worker::store {
namespace {

std::string Literal(const std::vector<std::optional<std::string>>& elements) {
  ArrayLiteral array;
  for (const auto& element : elements) array.Add(element);
  return std::move(array).Take();
}

TEST(ArrayLiteralTest, QuotesEveryTextAndKeepsNullApart) {
  EXPECT_EQ(Literal({}), "{}");
  EXPECT_EQ(Literal({"a", std::nullopt, "NULL", "", R"(say "hi" \ bye)", "{x,y}"}),
            R"({"a",NULL,"NULL","","say \"hi\" \\ bye","{x,y}"})");
}

TEST(ArrayLiteralTest, WritesNumbersAndFlags) {
  ArrayLiteral numbers;
  numbers.Add(std::int64_t{-9007199254740993});
  numbers.Add(std::int32_t{7});
  EXPECT_EQ(std::move(numbers).Take(), "{-9007199254740993,7}");
  ArrayLiteral flags;
  flags.Add(true);
  flags.Add(false);
  EXPECT_EQ(std::move(flags).Take(), "{t,f}");
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
