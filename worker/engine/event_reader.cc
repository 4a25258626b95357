#include "worker/engine/event_reader.h"

#include <charconv>

#include "common/kafka/partitioner.h"
#include "common/kafka/record_headers.h"

namespace keystrand::worker::engine {
namespace {

/// When the receiver took the delivery; the record's own time if a header is missing or damaged.
std::int64_t ReceivedAt(const SourceRecord& record) {
  const auto text = record.FindHeader(kafka::header::kReceivedAt).value_or("");
  std::int64_t unix_ms = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), unix_ms);
  const bool whole = error == std::errc() && end == text.data() + text.size() && unix_ms > 0;
  return whole ? unix_ms : std::max<std::int64_t>(record.timestamp_ms(), 0);
}

}  // namespace

Result<handlers::Event> ReadEvent(const SourceRecord& record, std::int32_t partition, std::int32_t partition_count,
                                  const std::string& own_account) {
  if (!record.has_value()) return Fail(ErrorCode::kMalformed, "the record has no value");
  if (kafka::PartitionOf(record.key(), partition_count) != partition) {
    return Fail(ErrorCode::kMalformed, "the record's key belongs to another partition");
  }
  auto envelope = stripe::ParseEnvelope(record.value(), own_account);
  if (!envelope) return Fail(envelope.error());
  handlers::Event event;
  event.received_at_ms = ReceivedAt(record);
  event.created = envelope->created.value_or(event.received_at_ms / 1000);
  event.expected_mode = record.FindHeader(kafka::header::kExpectedMode).value_or("any");
  event.envelope = std::move(*envelope);
  return event;
}

}  // namespace keystrand::worker::engine
