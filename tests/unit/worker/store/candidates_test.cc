#include "worker/store/candidates.h"

#include <gtest/gtest.h>

namespace keystrand::worker::store {
namespace {

Candidate Of(std::string_view id, std::string_view data, std::string_view previous = "") {
  return {id, "t", "", previous, data};
}

/// The second of two, while the first is shown.
std::string Told(const std::string& shown, const std::string& other) {
  return CandidatesJson({Of("a", shown), Of("b", other)}, Of("a", shown));
}
std::string Around(const std::string& difference) {
  return R"([{"event_id":"a","event_type":"t"},{"event_id":"b","event_type":"t",)" + difference + "}]";
}

TEST(CandidatesTest, OneAloneIsSaidByItsRowUnlessItTellsWhatItChanged) {
  EXPECT_EQ(CandidatesJson({}, Of("a", "{}")), "");
  EXPECT_EQ(CandidatesJson({Of("a", "{}")}, Of("a", "{}")), "");
  EXPECT_EQ(CandidatesJson({Of("a", "{}", R"({"x":1})")}, Of("a", "{}")),
            R"([{"event_id":"a","event_type":"t","previous_attributes":{"x":1}}])");
}

TEST(CandidatesTest, AnotherIsToldByWhatSetsItApart) {
  EXPECT_EQ(Told(R"({"x":1,"y":[2]})", R"({"x":1,"y":[2]})"), Around(R"("differs":{})"));
  EXPECT_EQ(Told(R"({"x":1,"y":[2]})", R"({"y": [2],"x":1})"), Around(R"("differs":{})"));
  EXPECT_EQ(Told(R"({"x":1,"y":2,"z":3})", R"({"x":1,"y":4,"w":5})"),
            Around(R"("differs":{"w":5,"y":4},"lacks":["z"])"));
  EXPECT_EQ(Told(R"({"x":1,"x":2})", R"({"x":1})"), Around(R"("differs":{"x":1})")) << "the last one counts";
}

TEST(CandidatesTest, AnotherIsToldAsAWholeWhereThatCannotBeSaid) {
  EXPECT_EQ(Told("", R"({"x":1})"), Around(R"("data":{"x":1})"));
  EXPECT_EQ(Told(R"({"x":1})", R"({"\u0078":1})"), Around(R"("data":{"\u0078":1})"));
  EXPECT_EQ(Told(R"({"\u0078":1})", R"({"x":1})"), Around(R"("data":{"x":1})"));
}

TEST(CandidatesTest, WhatIsNotMirroredHasNoData) {
  EXPECT_EQ(Told("", ""), R"([{"event_id":"a","event_type":"t"},{"event_id":"b","event_type":"t"}])");
}

TEST(CandidatesTest, TheRowsDataIsThatOfTheShownOneAndOfThoseThatAreAlike) {
  const std::vector<std::string> fields = {"a",          "t",     "",  "",  "", "b", "t", "v",
                                           R"({"x":1})", "shown", "c", "t", "", "",  ""};
  const auto read = CandidatesFrom(fields, Of("a", "{}"));
  ASSERT_EQ(read.size(), 3U);
  EXPECT_EQ(read[0].data, "{}");
  EXPECT_EQ(read[1].data, "{}");
  EXPECT_EQ(read[1].api_version, "v");
  EXPECT_EQ(read[1].previous_attributes, R"({"x":1})");
  EXPECT_EQ(read[2].data, "") << "not mirrored";
}

TEST(CandidatesTest, ARowWithoutThemIsItsOwn) {
  const auto read = CandidatesFrom({}, Of("a", "{}"));
  ASSERT_EQ(read.size(), 1U);
  EXPECT_EQ(read[0].event_id, "a");
  EXPECT_EQ(read[0].data, "{}");
}

}  // namespace
}  // namespace keystrand::worker::store
