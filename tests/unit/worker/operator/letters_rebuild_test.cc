#include "worker/operator/letters_rebuild.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keystrand::worker::op {
namespace {

using testing::HasSubstr;

kafka::StoredRecord Record(const std::string& stage = "store") {
  kafka::StoredRecord record;
  record.position = {3, 0};
  record.timestamp_ms = 9;
  record.key = "live/self/cus_1";
  record.value = R"({"id":"evt_1","object":"event","type":"customer.created","livemode":true,"account":"acct_own",)"
                 R"("data":{"object":{"id":"cus_1","object":"customer"}}})";
  record.headers = {{"event-id", "evt_1"},
                    {"endpoint", "main"},
                    {"dlq-id", "keystrand.events/3/41/2"},
                    {"dlq-stage", stage},
                    {"dlq-error-code", "timeout"},
                    {"dlq-error-message", "took 2 s"},
                    {"dlq-fingerprint", "f"},
                    {"dlq-attempts", "13"},
                    {"dlq-first-failed-at", "5"},
                    {"dlq-failed-at", "6"},
                    {"dlq-source-topic", "keystrand.events"},
                    {"dlq-source-partition", "3"},
                    {"dlq-source-offset", "41"},
                    {"dlq-source-timestamp", "4"},
                    {"dlq-worker", "worker-1"},
                    {"dlq-cycle", "2"}};
  return record;
}

TEST(LetterOfRecord, ReadsAllThatTheRowHad) {
  const auto letter = LetterOfRecord(Record(), "acct_own");
  ASSERT_TRUE(letter) << letter.error().detail;
  EXPECT_EQ(letter->source, (store::SourcePosition{"keystrand.events", 3, 41}));
  EXPECT_EQ(letter->cycle, 2);
  EXPECT_EQ(letter->scope, "live/self");
  EXPECT_EQ(letter->event_id, "evt_1");
  EXPECT_EQ(letter->event_type, "customer.created");
  EXPECT_EQ(letter->key, "live/self/cus_1");
  EXPECT_EQ(letter->payload, Record().value);
  EXPECT_EQ(letter->record_timestamp_ms, 4);
  EXPECT_EQ(letter->error_code, "timeout");
  EXPECT_EQ(letter->attempts, 13);
  EXPECT_EQ(letter->first_failed_at_ms, 5);
  EXPECT_EQ(letter->failed_at_ms, 6);
  EXPECT_EQ(letter->worker, "worker-1");
  ASSERT_EQ(letter->headers.size(), 2u);
  EXPECT_EQ(letter->headers[1].name, "endpoint");
}

TEST(LetterOfRecord, KnowsNoEventWhereTheWorkerCouldReadNone) {
  const auto letter = LetterOfRecord(Record("parse"), "");
  ASSERT_TRUE(letter);
  EXPECT_EQ(letter->event_id, "");
  EXPECT_EQ(letter->scope, "");
}

TEST(LetterOfRecord, RefusesARecordWithoutAHeaderOrWithABadNumber) {
  auto record = Record();
  record.headers.pop_back();
  EXPECT_THAT(LetterOfRecord(record, "").error().detail, HasSubstr("header dlq-cycle is missing"));
  record.headers.push_back({"dlq-cycle", "2x"});
  EXPECT_THAT(LetterOfRecord(record, "").error().detail, HasSubstr("header dlq-cycle is no number"));
}

}  // namespace
}  // namespace keystrand::worker::op
