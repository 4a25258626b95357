#include "worker/engine/database_state.h"

#include <gtest/gtest.h>

namespace keystrand::worker::engine {
namespace {

class DatabaseStateTest : public testing::Test {
 protected:
  bool Recognise(const std::string& identity, bool works = true) {
    return state_.Recognise(identity, [&] {
      ++given_up_;
      return works;
    });
  }

  DatabaseState state_;
  int given_up_ = 0;
};

TEST_F(DatabaseStateTest, GivesNothingUpForTheFirstDatabaseAndForTheSameAgain) {
  EXPECT_TRUE(Recognise("7/16384/00000001"));
  EXPECT_TRUE(Recognise("7/16384/00000001"));
  EXPECT_EQ(given_up_, 0);
}

TEST_F(DatabaseStateTest, GivesUpOnceForAnotherTimeline) {
  EXPECT_TRUE(Recognise("7/16384/00000001"));
  EXPECT_TRUE(Recognise("7/16384/00000002"));
  EXPECT_TRUE(Recognise("7/16384/00000002"));
  EXPECT_EQ(given_up_, 1);
}

TEST_F(DatabaseStateTest, AnotherDatabaseIsNotUsedUntilAllIsGivenUp) {
  EXPECT_TRUE(Recognise("7/16384/00000001"));
  EXPECT_FALSE(Recognise("7/16385/00000001", false));
  EXPECT_TRUE(Recognise("7/16385/00000001"));
  EXPECT_EQ(given_up_, 2);
}

TEST_F(DatabaseStateTest, AServerThatDoesNotTellIsTakenForTheSame) {
  EXPECT_TRUE(Recognise("7/16384/00000001"));
  EXPECT_TRUE(Recognise(""));
  EXPECT_TRUE(Recognise("7/16384/00000001"));
  EXPECT_EQ(given_up_, 0);
}

}  // namespace
}  // namespace keystrand::worker::engine
