#include "common/kafka/fetch_position.h"

#include <gtest/gtest.h>

#include "common/kafka/consumer.h"

namespace keystrand::kafka {
namespace {

TEST(FetchPositionTest, TakesAscendingOffsetsWithGaps) {
  FetchPosition position(5);
  for (const std::int64_t offset : {5, 6, 9, 100}) EXPECT_TRUE(position.Take(offset)) << offset;
}

TEST(FetchPositionTest, DropsWhatComesAgainAfterARewind) {
  FetchPosition position(2);
  EXPECT_FALSE(position.Take(0));
  EXPECT_FALSE(position.Take(1));
  EXPECT_TRUE(position.Take(2));
  EXPECT_TRUE(position.Take(3));
  EXPECT_FALSE(position.Take(2));
  EXPECT_FALSE(position.Take(3));
  EXPECT_TRUE(position.Take(4));
}

TEST(FetchPositionTest, TakesTheFirstRecordThatIsKeptFromTheBeginning) {
  FetchPosition position(StartPosition::kBeginning);
  EXPECT_TRUE(position.Take(0));
  FetchPosition pruned(StartPosition::kBeginning);
  EXPECT_TRUE(pruned.Take(4'711));
  EXPECT_FALSE(pruned.Take(4'710));
}

}  // namespace
}  // namespace keystrand::kafka
