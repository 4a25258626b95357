#include "worker/engine/event_reader.h"

#include <gtest/gtest.h>

#include "common/kafka/partitioner.h"
#include "tests/fakes/fake_record.h"

namespace keystrand::worker::engine {
namespace {

constexpr std::int32_t kPartitions = 12;
const std::string kKey = "live/self/cus_1";
const std::string kBody =
    R"({"id":"evt_1","type":"customer.updated","livemode":true,"data":{"object":{"id":"cus_1","object":"customer"}}})";

Result<handlers::Event> Read(const FakeRecord& record) {
  return ReadEvent(record, kafka::PartitionOf(kKey, kPartitions), kPartitions, "");
}

TEST(ReadEventTest, TakesTimesAndModeFromTheHeaders) {
  const FakeRecord record(kKey, 1, kBody, {{"received-at", "1700000005000"}, {"expected-mode", "live"}});
  const auto event = Read(record);
  ASSERT_TRUE(event);
  EXPECT_EQ(event->received_at_ms, 1700000005000);
  EXPECT_EQ(event->created, 1700000005) << "an event without created is as old as its delivery";
  EXPECT_EQ(event->expected_mode, "live");
}

TEST(ReadEventTest, FallsBackToTheRecordsTimeWhereTheHeaderIsDamaged) {
  for (const char* damaged : {"", "soon", "17000000050 00", "-1"}) {
    const FakeRecord record(kKey, 1, kBody, {{"received-at", damaged}});
    EXPECT_EQ(Read(record).value().received_at_ms, 1700000000000) << damaged;
  }
}

TEST(ReadEventTest, RefusesAKeyThatBelongsToAnotherPartition) {
  const FakeRecord record(kKey, 1, kBody);
  const auto elsewhere = (kafka::PartitionOf(kKey, kPartitions) + 1) % kPartitions;
  const auto event = ReadEvent(record, elsewhere, kPartitions, "");
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code, ErrorCode::kMalformed);
}

TEST(ReadEventTest, RefusesABodyThatIsNoEvent) {
  const FakeRecord record(kKey, 1, "[]");
  EXPECT_EQ(Read(record).error().code, ErrorCode::kMalformed);
}

}  // namespace
}  // namespace keystrand::worker::engine
