#include "worker/engine/letters.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/fakes/fake_record.h"

namespace keystrand::worker::engine {
namespace {

store::DeadLetter LetterOf(int failed_attempts) {
  Item item;
  item.record = std::make_unique<FakeRecord>("unreadable/main/0123", 42, std::string("{\0bad", 5),
                                             std::vector<kafka::Header>{{"endpoint", "main"}, {"x", "y"}});
  item.event = std::make_unique<Result<handlers::Event>>(Fail(ErrorCode::kMalformed, "no id"));
  item.attempts = failed_attempts;
  const std::chrono::system_clock::time_point now{std::chrono::milliseconds(1700000001000)};
  return MakeLetter(item, {"events", 3, item.record->offset()}, {ErrorCode::kMalformed, std::string(2000, 'x')},
                    "parse", 1, "worker-1", now);
}

TEST(DeadLetterTest, KeepsKeyBytesAndHeadersAndSaysWhereFromAndWhy) {
  const auto letter = LetterOf(0);
  const auto record = RecordOf(letter);
  EXPECT_EQ(record.partition, 3);
  EXPECT_EQ(record.key, "unreadable/main/0123");
  EXPECT_EQ(record.value, std::string("{\0bad", 5));
  std::map<std::string, std::string> headers;
  for (const auto& header : record.headers) headers.emplace(header.name, header.value);
  EXPECT_EQ(headers["endpoint"], "main");
  EXPECT_EQ(headers["x"], "y");
  EXPECT_EQ(headers["dlq-id"], "events/3/42/0");
  EXPECT_EQ(headers["dlq-stage"], "parse");
  EXPECT_EQ(headers["dlq-error-code"], "malformed");
  EXPECT_EQ(headers["dlq-error-message"], std::string(1024, 'x'));
  EXPECT_EQ(headers["dlq-attempts"], "1");
  EXPECT_EQ(headers["dlq-source-topic"], "events");
  EXPECT_EQ(headers["dlq-source-partition"], "3");
  EXPECT_EQ(headers["dlq-source-offset"], "42");
  EXPECT_EQ(headers["dlq-source-timestamp"], "1700000000000");
  EXPECT_EQ(headers["dlq-failed-at"], "1700000001000");
  EXPECT_EQ(headers["dlq-worker"], "worker-1");
  EXPECT_EQ(headers["dlq-fingerprint"].size(), 16U);
}

TEST(DeadLetterTest, EqualCausesHaveEqualFingerprints) { EXPECT_EQ(LetterOf(0).fingerprint, LetterOf(3).fingerprint); }

}  // namespace
}  // namespace keystrand::worker::engine
