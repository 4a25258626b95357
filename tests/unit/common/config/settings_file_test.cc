#include "common/config/settings_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keystrand::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

FileEntry Only(std::string_view text) {
  const auto file = ParseSettingsFile(text);
  EXPECT_THAT(file.problems, IsEmpty());
  EXPECT_EQ(file.entries.size(), 1U);
  return file.entries.empty() ? FileEntry{} : file.entries.front();
}

std::string OnlyProblem(std::string_view text) {
  const auto file = ParseSettingsFile(text);
  EXPECT_EQ(file.problems.size(), 1U);
  return file.problems.empty() ? "" : file.problems.front();
}

TEST(SettingsFileTest, ReadsEveryKindOfValueAsText) {
  EXPECT_THAT(Only("a = \"x y\"").values, ElementsAre("x y"));
  EXPECT_THAT(Only("a = 'C:\\no\\escape'").values, ElementsAre("C:\\no\\escape"));
  EXPECT_THAT(Only("a = 1_000").values, ElementsAre("1000"));
  EXPECT_THAT(Only("a = -5").values, ElementsAre("-5"));
  EXPECT_THAT(Only("a = true").values, ElementsAre("true"));
  EXPECT_THAT(Only("a = \"\"").values, ElementsAre(""));
  EXPECT_THAT(Only("a = [\"x\", 'y', 3,]").values, ElementsAre("x", "y", "3"));
  EXPECT_THAT(Only("a = []").values, IsEmpty());
}

TEST(SettingsFileTest, KeepsWhatOtherReadersDamage) {
  EXPECT_THAT(Only("a = \"pass#word\" # a comment").values, ElementsAre("pass#word"));
  EXPECT_THAT(Only("a = \"k1:1,k2:2\"").values, ElementsAre("k1:1,k2:2"));
  EXPECT_THAT(Only("a = \"x=y\"").values, ElementsAre("x=y"));
  EXPECT_THAT(Only("a = \"]\"").values, ElementsAre("]"));
  EXPECT_THAT(Only("a = \"quote \\\" backslash \\\\\"").values, ElementsAre("quote \" backslash \\"));
  EXPECT_THAT(Only("a = [\n  \"x#1\",  # first\n\n  \"y\"\n]\n").values, ElementsAre("x#1", "y"));
  EXPECT_THAT(Only("\xEF\xBB\xBF"
                   "a = 1\r\n")
                  .values,
              ElementsAre("1"));
}

TEST(SettingsFileTest, DottedKeysBareAndQuotedNameOnePath) {
  EXPECT_THAT(Only("[kafka]\nsecurity.protocol = \"ssl\"").path, ElementsAre("kafka", "security", "protocol"));
  EXPECT_THAT(Only("[kafka] # client\n\"security.protocol\" = \"ssl\"").path,
              ElementsAre("kafka", "security.protocol"));
  EXPECT_THAT(Only("[endpoint.main]\npath = '/x'").path, ElementsAre("endpoint", "main", "path"));
  EXPECT_THAT(Only("[ endpoint . 'my shop' ]\npath = '/x'").path, ElementsAre("endpoint", "my shop", "path"));
}

TEST(SettingsFileTest, KnowsTheLineOfEachEntry) {
  const auto file = ParseSettingsFile("# one\n\na = [\n 1,\n 2 ]\nb = 2");
  ASSERT_EQ(file.entries.size(), 2U);
  EXPECT_EQ(file.entries[0].line, 3);
  EXPECT_EQ(file.entries[1].line, 6);
}

TEST(SettingsFileTest, RefusesWhatItCannotReadAndGoesOn) {
  EXPECT_THAT(OnlyProblem("a"), HasSubstr("line 1: a setting is written name = value"));
  EXPECT_THAT(OnlyProblem("a ="), HasSubstr("text in quotes"));
  EXPECT_THAT(OnlyProblem("a = bare"), HasSubstr("text in quotes"));
  EXPECT_THAT(OnlyProblem("a = 1.5"), HasSubstr("whole number"));
  EXPECT_THAT(OnlyProblem("a = \"open"), HasSubstr("closing quote"));
  EXPECT_THAT(OnlyProblem("a = \"\"\"x\"\"\""), HasSubstr("several lines"));
  EXPECT_THAT(OnlyProblem("a = \"\\u0041\""), HasSubstr("escapes"));
  EXPECT_THAT(OnlyProblem("a = 1 2"), HasSubstr("unexpected text"));
  EXPECT_THAT(OnlyProblem("a = [1, 2"), HasSubstr("closing ]"));
  EXPECT_THAT(OnlyProblem("a = [1 2]"), HasSubstr("commas"));
  EXPECT_THAT(OnlyProblem("a = {b = 1}"), HasSubstr("a value is"));
  EXPECT_THAT(OnlyProblem("= 1"), HasSubstr("a name is expected"));
  EXPECT_THAT(OnlyProblem("a = 1\nb = 2\na = 3"), HasSubstr("line 3: given before in line 1"));
  const auto file = ParseSettingsFile("a = bare\nb = 2\nc = also\n");
  EXPECT_EQ(file.problems.size(), 2U);
  EXPECT_EQ(file.entries.size(), 1U);
}

TEST(SettingsFileTest, WhatFollowsABadSectionLandsInNoOther) {
  const auto file = ParseSettingsFile("[[kafka]]\nlisten = \":1\"\n[ok]\na = 1");
  EXPECT_THAT(file.problems, ElementsAre(HasSubstr("line 1")));
  ASSERT_EQ(file.entries.size(), 1U);
  EXPECT_THAT(file.entries[0].path, ElementsAre("ok", "a"));
}

TEST(SettingsFileTest, ProblemsNeverShowAValue) {
  for (const auto* text : {"a = hunter2", "a = \"hunter2", "a = \"x\" hunter2", "a = [hunter2]"}) {
    EXPECT_THAT(OnlyProblem(text), Not(HasSubstr("hunter2")));
  }
}

}  // namespace
}  // namespace keystrand::config
