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

/// Of a record with this key, read as one of partition `beside` places behind its own.
Item Read(std::string body, std::vector<kafka::Header> headers = {}, std::int32_t beside = 0) {
  Item item;
  item.record = std::make_unique<FakeRecord>(kKey, 1, std::move(body), std::move(headers));
  ReadItem(item, (kafka::PartitionOf(kKey, kPartitions) + beside) % kPartitions, kPartitions, "");
  return item;
}

TEST(ReadItemTest, TakesTimesAndModeFromTheHeaders) {
  const auto item = Read(kBody, {{"received-at", "1700000005000"}, {"expected-mode", "live"}});
  ASSERT_TRUE(*item.event);
  const auto& event = **item.event;
  EXPECT_EQ(event.received_at_ms, 1700000005000);
  EXPECT_EQ(event.created, 1700000005) << "an event without created is as old as its delivery";
  EXPECT_EQ(event.expected_mode, "live");
  EXPECT_EQ(Read(kBody).event->value().expected_mode, "any");
}

TEST(ReadItemTest, OfAHeaderThatIsThereTwiceTheLastOneCounts) {
  const auto item = Read(kBody, {{"received-at", "1700000005000"}, {"received-at", "1700000006000"}});
  EXPECT_EQ(item.event->value().received_at_ms, 1700000006000);
}

TEST(ReadItemTest, FallsBackToTheRecordsTimeWhereTheHeaderIsDamaged) {
  for (const char* damaged : {"", "soon", "17000000050 00", "-1"}) {
    EXPECT_EQ(Read(kBody, {{"received-at", damaged}}).event->value().received_at_ms, 1700000000000) << damaged;
  }
}

TEST(ReadItemTest, RefusesAKeyThatBelongsToAnotherPartition) {
  const auto item = Read(kBody, {}, 1);
  ASSERT_FALSE(*item.event);
  EXPECT_EQ(item.event->error().code, ErrorCode::kMalformed);
}

TEST(ReadItemTest, RefusesABodyThatIsNoEvent) { EXPECT_EQ(Read("[]").event->error().code, ErrorCode::kMalformed); }

TEST(ReadItemTest, KnowsAReplayAndWhatOnlyLooksLikeOne) {
  const auto replay = Read(kBody, {{"replay-id", "r1"}, {"source-position", "keystrand.events/3/42"}});
  ASSERT_NE(replay.replay, nullptr);
  EXPECT_TRUE(replay.replayed);
  EXPECT_EQ(replay.replay->id, "r1");
  EXPECT_EQ(replay.replay->source.topic, "keystrand.events");
  EXPECT_EQ(replay.replay->source.partition, 3);
  EXPECT_EQ(replay.replay->source.offset, 42);
  for (const char* damaged : {"", "/3/42", "keystrand.events/42", "keystrand.events/x/42", "keystrand.events/3/"}) {
    EXPECT_EQ(Read(kBody, {{"replay-id", "r1"}, {"source-position", damaged}}).replay, nullptr) << damaged;
  }
  EXPECT_EQ(Read(kBody, {{"replay-id", "r1"}}).replay, nullptr);
  EXPECT_EQ(Read(kBody, {{"replay-id", ""}, {"source-position", "keystrand.events/3/42"}}).replay, nullptr);
  EXPECT_FALSE(Read(kBody).replayed);
}

TEST(ReadItemTest, ByHeadersAloneIdentifiesItAndItsReplay) {
  Item item;
  item.record = std::make_unique<FakeRecord>(kKey, 1, "poison",
                                             std::vector<kafka::Header>{{"event-id", "evt_1"},
                                                                        {"event-type", "t"},
                                                                        {"replay-id", "r1"},
                                                                        {"source-position", "keystrand.events/3/42"}});
  ASSERT_TRUE(ReadItemByHeaders(item));
  EXPECT_EQ(item.event->value().envelope.id, "evt_1");
  EXPECT_EQ(item.event->value().envelope.scope, "live/self");
  ASSERT_NE(item.replay, nullptr) << "or its letter would wait for it for ever";
  item.record = std::make_unique<FakeRecord>(kKey, 1, "poison");
  item.event.reset();
  EXPECT_FALSE(ReadItemByHeaders(item));
  EXPECT_EQ(item.event, nullptr);
}

}  // namespace
}  // namespace keystrand::worker::engine
