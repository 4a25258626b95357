#include "common/config/settings_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keystrand::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

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

TEST(SettingsFileTest, WhatIsNoTomlIsOneProblemWithItsLine) {
  for (const auto* text : {"a", "a =", "a = bare", "a = \"open", "a = 1 2", "a = [1, 2", "a = [1 2]", "= 1"}) {
    EXPECT_THAT(OnlyProblem(std::string("# one\n") + text), HasSubstr("line 2: this is not TOML")) << text;
  }
  EXPECT_THAT(OnlyProblem("a = 1\nb = 2\na = 3"), HasSubstr("line 3: this is not TOML"));
}

TEST(SettingsFileTest, ValuesThatNoSettingTakesAreAProblemEach) {
  const auto file = ParseSettingsFile("a = 1.5\nb = 2\nc = 2026-01-01\n[[d]]\ne = 1");
  EXPECT_THAT(file.problems, UnorderedElementsAre(HasSubstr("line 1: a value is"), HasSubstr("line 3: a value is"),
                                                  HasSubstr("line 4: a value is")));
  ASSERT_EQ(file.entries.size(), 1U);
  EXPECT_THAT(file.entries[0].path, ElementsAre("b"));
}

TEST(SettingsFileTest, ProblemsNeverShowAValue) {
  for (const auto* text : {"a = hunter2", "a = \"hunter2", "a = \"x\" hunter2", "a = [hunter2]"}) {
    EXPECT_THAT(OnlyProblem(text), Not(HasSubstr("hunter2")));
  }
}

}  // namespace
}  // namespace keystrand::config
