#include "worker/engine/letters.h"

#include <gtest/gtest.h>

#include <map>

namespace keystrand::worker::engine {
namespace {

/// A record that never was in Kafka.
class FakeRecord final : public SourceRecord {
 public:
  [[nodiscard]] Origin origin() const override { return Origin::kLive; }
  [[nodiscard]] std::string_view key() const override { return "unreadable/main/0123"; }
  [[nodiscard]] std::string_view value() const override { return std::string_view("{\0bad", 5); }
  [[nodiscard]] bool has_value() const override { return true; }
  [[nodiscard]] std::int64_t offset() const override { return 42; }
  [[nodiscard]] std::int64_t timestamp_ms() const override { return 1700000000000; }
  [[nodiscard]] std::optional<std::string_view> FindHeader(std::string_view) const override { return std::nullopt; }
  [[nodiscard]] std::vector<kafka::Header> Headers() const override { return {{"endpoint", "main"}, {"x", "y"}}; }
};

store::DeadLetter LetterOf(int failed_attempts) {
  Item item;
  item.record = std::make_unique<FakeRecord>();
  item.event = Fail(ErrorCode::kMalformed, "no id");
  item.attempts = failed_attempts;
  const std::chrono::system_clock::time_point now{std::chrono::milliseconds(1700000001000)};
  return MakeLetter(item, "events", 3, {ErrorCode::kMalformed, std::string(2000, 'x')}, "parse", "worker-1", now);
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
