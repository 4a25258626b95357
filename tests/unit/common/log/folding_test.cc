#include "common/log/folding.h"

#include <gtest/gtest.h>

namespace keystrand::log {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class FoldingTest : public testing::Test {
 protected:
  int Admitted(int lines, Action action = Action::kEventRetry, std::string_view code = "timeout") {
    int admitted = 0;
    for (int i = 0; i < lines; ++i) admitted += folding_.Admit({Level::kWarn, action, code, "it failed"}, now_) ? 1 : 0;
    return admitted;
  }
  Folding folding_;
  steady_clock::time_point now_{std::chrono::hours(1)};
};

TEST_F(FoldingTest, TenLinesASecondPass) {
  EXPECT_EQ(Admitted(10), 10);
  EXPECT_EQ(Admitted(32), 0);
  now_ += milliseconds(999);
  EXPECT_EQ(Admitted(1), 0);
  now_ += milliseconds(1);
  EXPECT_EQ(Admitted(11), 10);
}

TEST_F(FoldingTest, ActionsAndErrorCodesAreCountedApart) {
  EXPECT_EQ(Admitted(11), 10);
  EXPECT_EQ(Admitted(11, Action::kEventRetry, "conflict"), 10);
  EXPECT_EQ(Admitted(11, Action::kDbError), 10);
}

TEST_F(FoldingTest, TheSummaryComesWhenTheSecondIsOver) {
  Admitted(52);
  EXPECT_TRUE(folding_.End(now_ + milliseconds(999)).empty());
  const auto summaries = folding_.End(now_ + milliseconds(1000));
  ASSERT_EQ(summaries.size(), 1U);
  EXPECT_EQ(summaries[0].suppressed, 42U);
  EXPECT_EQ(summaries[0].action, Action::kEventRetry);
  EXPECT_EQ(summaries[0].error_code, "timeout");
  EXPECT_EQ(summaries[0].message, "it failed");
  EXPECT_EQ(summaries[0].level, Level::kWarn);
  EXPECT_TRUE(folding_.End(now_ + milliseconds(5000)).empty());
}

TEST_F(FoldingTest, NoSummaryIsLostWhenANewSecondBeginsFirst) {
  Admitted(12);
  now_ += milliseconds(1500);
  Admitted(13);
  now_ += milliseconds(1500);
  const auto summaries = folding_.End(now_);
  ASSERT_EQ(summaries.size(), 2U);
  EXPECT_EQ(summaries[0].suppressed + summaries[1].suppressed, 5U);
}

TEST_F(FoldingTest, AQuietSecondHasNoSummary) {
  Admitted(10);
  EXPECT_TRUE(folding_.End(steady_clock::time_point::max()).empty());
}

}  // namespace
}  // namespace keystrand::log
