#include "common/kafka/partitioner.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace keystrand::kafka {
namespace {

struct Case {
  const char* key;
  std::int32_t murmur2;  ///< published in the tests of Apache Kafka's clients (UtilsTest)
};

const Case kCases[] = {
    {"21", -973932308},
    {"foobar", -790332482},
    {"a-little-bit-long-string", -985981536},
    {"a-little-bit-longer-string", -1486304829},
    {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
    {"abc", 479470107},
};

TEST(PartitionerTest, PlacesKeysAsJavaClientsDo) {
  for (const auto& test : kCases) {
    const auto positive = test.murmur2 & std::numeric_limits<std::int32_t>::max();
    EXPECT_EQ(PartitionOf(test.key, std::numeric_limits<std::int32_t>::max()), positive) << test.key;
    EXPECT_EQ(PartitionOf(test.key, 12), positive % 12) << test.key;
  }
}

}  // namespace
}  // namespace keystrand::kafka
