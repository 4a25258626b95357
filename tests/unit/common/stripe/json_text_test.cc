#include "common/stripe/json_text.h"

#include <gtest/gtest.h>

#include <ctime>
#include <optional>

#include "common/stripe/json_tree.h"

namespace keystrand::stripe {
namespace {

struct NulCase {
  const char* name;
  const char* json;
  const char* clean;
  int replaced;
};

const NulCase kNulCases[] = {
    {"LeavesPlainTextAlone", R"({"a":"b"})", R"({"a":"b"})", 0},
    {"ReplacesInValuesAndKeys", R"({"\u0000":"x\u0000y\u0000"})", R"({"\ufffd":"x\ufffdy\ufffd"})", 3},
    {"LeavesAnEscapedBackslash", R"(["\\u0000"])", R"(["\\u0000"])", 0},
    {"ReplacesAfterAnEscapedBackslash", R"(["\\\u0000"])", R"(["\\\ufffd"])", 1},
    {"CountsBackslashesInPairs", R"(["\\\\u0000\\\\\u0000"])", R"(["\\\\u0000\\\\\ufffd"])", 1},
    {"LeavesOtherEscapes", R"(["\u0001\"\u00000"])", R"(["\u0001\"\ufffd0"])", 1},
    {"ToleratesTheEndAfterABackslash", R"(\)", R"(\)", 0},
    {"TakesNothing", "", "", 0},
};

class NulEscapeTest : public testing::TestWithParam<NulCase> {};

TEST_P(NulEscapeTest, Holds) {
  int replaced = -1;
  EXPECT_EQ(WithoutNulEscapes(GetParam().json, &replaced), GetParam().clean);
  EXPECT_EQ(replaced, GetParam().replaced);
}

INSTANTIATE_TEST_SUITE_P(Stripe, NulEscapeTest, testing::ValuesIn(kNulCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(NulEscapeTest, NeedsNoCounter) { EXPECT_EQ(WithoutNulEscapes(R"("\u0000")", nullptr), R"("\ufffd")"); }

struct MatchCase {
  const char* name;
  const char* previous;
  const char* object;
  bool matches;
};

const MatchCase kMatchCases[] = {
    {"SameValue", R"({"status":"active"})", R"({"id":"sub_1","status":"active"})", true},
    {"OtherValue", R"({"status":"active"})", R"({"id":"sub_1","status":"past_due"})", false},
    {"EveryKeyCounts", R"({"a":1,"b":2})", R"({"a":1,"b":3})", false},
    {"AbsentKey", R"({"status":"active"})", R"({"id":"sub_1"})", false},
    {"NullIsAbsent", R"({"customer":null})", R"({"id":"pm_1"})", true},
    {"NullIsNull", R"({"customer":null})", R"({"customer":null})", true},
    {"NullIsNoValue", R"({"customer":null})", R"({"customer":"cus_1"})", false},
    {"ValueIsNotNull", R"({"customer":"cus_1"})", R"({"customer":null})", false},
    {"NestedByTheirGivenKeys", R"({"plan":{"amount":1}})", R"({"plan":{"id":"p","amount":1}})", true},
    {"NestedMismatch", R"({"plan":{"amount":1}})", R"({"plan":{"id":"p","amount":2}})", false},
    {"NestedNullIsAbsent", R"({"metadata":{"new":null}})", R"({"metadata":{}})", true},
    {"ArraysAsAWhole", R"({"items":[{"a":1}]})", R"({"items":[{"a":1}]})", true},
    {"ArrayElementsAreComplete", R"({"items":[{"a":1}]})", R"({"items":[{"a":1,"b":2}]})", false},
    {"ArrayOrderCounts", R"({"items":[1,2]})", R"({"items":[2,1]})", false},
    {"ArrayLengthCounts", R"({"items":[1]})", R"({"items":[1,2]})", false},
    {"KeyOrderDoesNot", R"({"items":[{"a":1,"b":2}]})", R"({"items":[{"b":2,"a":1}]})", true},
    {"EscapesDoNot", R"({"n":"\u0061"})", R"({"\u006e":"a"})", true},
    {"NumbersByValue", R"({"n":[1.0,1E+2,0,-0.50]})", R"({"n":[1,100,-0.0,-5E-1]})", true},
    {"NumbersExactly", R"({"n":9007199254740993})", R"({"n":9007199254740992})", false},
    {"LongNumbersExactly", R"({"n":123456789012345678901234567890.1})", R"({"n":123456789012345678901234567890.2})",
     false},
    {"HugeNumbersByValue", R"({"n":1e400})", R"({"n":10e399})", true},
    {"HugeNumbersDiffer", R"({"n":1e400})", R"({"n":1e401})", false},
    {"EndlessExponentsAsText", R"({"n":1e99999999999})", R"({"n":1e99999999998})", false},
    {"SignCounts", R"({"n":-1})", R"({"n":1})", false},
    {"StringIsNotNumber", R"({"n":"1"})", R"({"n":1})", false},
    {"BooleansDiffer", R"({"n":true})", R"({"n":false})", false},
    {"ObjectIsNotArray", R"({"n":{}})", R"({"n":[]})", false},
    {"ObjectIsNotString", R"({"n":{"id":"a"}})", R"({"n":"a"})", false},
    {"LastOfRepeatedKeysCounts", R"({"n":2})", R"({"n":1,"n":2})", true},
    {"NothingSaysNothing", "", R"({"n":1})", false},
    {"EmptySaysNothing", "{}", R"({"n":1})", false},
};

class MatchesTest : public testing::TestWithParam<MatchCase> {};

TEST_P(MatchesTest, Holds) {
  const auto matches = Matches(GetParam().previous, GetParam().object);
  ASSERT_TRUE(matches) << matches.error().detail;
  EXPECT_EQ(*matches, GetParam().matches);
}

INSTANTIATE_TEST_SUITE_P(Stripe, MatchesTest, testing::ValuesIn(kMatchCases),
                         [](const auto& test) { return std::string(test.param.name); });

std::optional<ErrorCode> FaultOf(const Result<bool>& result) {
  return result ? std::nullopt : std::optional(result.error().code);
}

TEST(MatchesTest, RefusesWhatIsNoObject) {
  const std::string deep = "{\"a\":" + std::string(64, '[') + std::string(64, ']') + "}";
  for (const std::string& text :
       {std::string("[]"), std::string("1"), std::string("{"), std::string("{\"a\":\"\xFF\"}"), deep}) {
    EXPECT_EQ(FaultOf(Matches(text, "{}")), ErrorCode::kMalformed) << text;
    EXPECT_EQ(FaultOf(Matches(R"({"a":1})", text)), ErrorCode::kMalformed) << text;
  }
}

TEST(MatchesTest, CostsLittleForManyKeys) {
  std::string object = "{\"k0\":0";
  for (int i = 1; i < 50000; ++i) object += ",\"k" + std::to_string(i) + "\":0";
  object += "}";
  const std::clock_t begin = std::clock();  // processor time: others may keep the machine busy
  EXPECT_TRUE(Matches(object, object).value());
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 10);  // pairwise comparison takes far longer
}

std::string Split(std::string_view json) {
  const auto members = MembersOf(json);
  if (!members) return "error: " + members.error().detail;
  std::string text;
  for (const auto& member : *members) text += "<" + std::string(member.key) + "|" + std::string(member.value) + ">";
  return text;
}

TEST(MembersOfTest, TakesTheOutermostByteForByteInTheirOrder) {
  EXPECT_EQ(Split(R"({"b":1,"a":"x","b":{"c":[1,2]}})"), R"(<b|1><a|"x"><b|{"c":[1,2]}>)");
  EXPECT_EQ(Split(" { \"a\" :\n {\"x\" : [ 1 , 2 ] } ,\t\"b\": null\r\n} "), R"(<a|{"x" : [ 1 , 2 ] }><b|null>)");
  EXPECT_EQ(Split("{}"), "");
}

TEST(MembersOfTest, IsNotTakenInByWhatStandsInStrings) {
  EXPECT_EQ(Split(R"({"a":",}\"","c:,\"d":"{:","e":[",\"f\":1"]})"), R"(<a|",}\""><c:,\"d|"{:"><e|[",\"f\":1"]>)");
}

TEST(MembersOfTest, RefusesWhatIsNoObject) {
  for (const auto* const json : {"", "1", "null", "[]", "[{}]", R"("a")", R"({"a":)", R"({"a":1}x)", R"({"a":1,})"}) {
    EXPECT_FALSE(MembersOf(json).has_value()) << json;
  }
}

}  // namespace
}  // namespace keystrand::stripe
