#include "worker/operator/text.h"

#include <gtest/gtest.h>

namespace keystrand::worker::op {
namespace {

TEST(TimeText, SaysUtcToTheMillisecond) {
  EXPECT_EQ(Rfc3339(1795489959070), "2026-11-24T03:12:39.070Z");
  EXPECT_EQ(ForPeople(1795489959070), "2026-11-24 03:12:39.070");
  EXPECT_EQ(Rfc3339(-1), "1969-12-31T23:59:59.999Z");
}

TEST(SpanText, ShowsTheTwoLargestUnits) {
  EXPECT_EQ(Span(-5), "0 ms");
  EXPECT_EQ(Span(999), "999 ms");
  EXPECT_EQ(Span(1000), "1 s");
  EXPECT_EQ(Span(59'999), "59 s");
  EXPECT_EQ(Span(60'000), "1 min");
  EXPECT_EQ(Span(250'000), "4 min 10 s");
  EXPECT_EQ(Span(3 * 3'600'000 + 5 * 60'000), "3 h 5 min");
  EXPECT_EQ(Span(35L * 86'400'000), "35 d");
}

TEST(CountText, GroupsDigitsAndKnowsThePlural) {
  EXPECT_EQ(Count(1, "event"), "1 event");
  EXPECT_EQ(Count(0, "event"), "0 events");
  EXPECT_EQ(Count(1234567, "copy", "copies"), "1,234,567 copies");
  EXPECT_EQ(Grouped(-123), "-123");
  EXPECT_EQ(Grouped(-1234), "-1,234");
  EXPECT_EQ(Grouped(100), "100");
}

TEST(SafeText, LeavesNothingThatATerminalObeys) {
  EXPECT_EQ(Safe("a\x1b[2Jb\n\x7f"), "a\xEF\xBF\xBD[2Jb\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(Safe("\xC2\x9B"
                 "2J"),
            "\xEF\xBF\xBD"
            "2J");  // a control sequence introducer of one character
  EXPECT_EQ(Safe("\xFF"), "\xEF\xBF\xBD");
  EXPECT_EQ(Safe("Zoë"), "Zoë");
}

TEST(RangesText, FoldsRuns) {
  EXPECT_EQ(Ranges({}), "");
  EXPECT_EQ(Ranges({4}), "4");
  EXPECT_EQ(Ranges({0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
}

TEST(TableText, AlignsByCharactersAndLeavesNoTrailingBlanks) {
  Table table({Table::Align::kLeft, Table::Align::kRight, Table::Align::kLeft});
  table.Add({"é", "1", ""});
  table.Add({"ab", "10", "x"});
  EXPECT_EQ(table.Render("  "), "  é    1\n  ab  10  x\n");
}

}  // namespace
}  // namespace keystrand::worker::op
