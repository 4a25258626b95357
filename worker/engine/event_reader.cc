#include "worker/engine/event_reader.h"

#include <charconv>

#include "common/kafka/partitioner.h"
#include "common/kafka/record_headers.h"

namespace keystrand::worker::engine {
namespace {

template <typename Number>
bool ReadWhole(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

/// When the receiver took the delivery; the record's own time if a header is missing or damaged.
std::int64_t ReceivedAt(const SourceRecord& record) {
  const auto text = record.FindHeader(kafka::header::kReceivedAt).value_or("");
  std::int64_t unix_ms = 0;
  const bool whole = ReadWhole(text, unix_ms) && unix_ms > 0;
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

std::optional<handlers::Event> EventOfHeaders(const SourceRecord& record) {
  const auto id = record.FindHeader(kafka::header::kEventId);
  const auto type = record.FindHeader(kafka::header::kEventType);
  const std::string_view key = record.key();
  const auto account_end = key.find('/', key.find('/') + 1);
  if (!id || !type || account_end == std::string_view::npos) return std::nullopt;
  handlers::Event event;
  event.envelope.id = *id;
  event.envelope.type = *type;
  event.envelope.scope = key.substr(0, account_end);
  event.envelope.livemode = key.starts_with("live/");
  event.envelope.ordering_key = key;
  event.received_at_ms = ReceivedAt(record);
  event.created = event.received_at_ms / 1000;
  event.expected_mode = "any";
  return event;
}

std::optional<Replay> ReadReplay(const SourceRecord& record) {
  const auto id = record.FindHeader(kafka::header::kReplayId);
  if (!id || id->empty()) return std::nullopt;
  const std::string_view position = record.FindHeader(kafka::header::kSourcePosition).value_or("");
  const auto last = position.rfind('/');
  if (last == std::string_view::npos || last == 0) return std::nullopt;
  const auto middle = position.rfind('/', last - 1);
  if (middle == std::string_view::npos) return std::nullopt;
  Replay replay{std::string(*id), {std::string(position.substr(0, middle)), 0, 0}};
  if (!ReadWhole(position.substr(middle + 1, last - middle - 1), replay.source.partition)) return std::nullopt;
  if (!ReadWhole(position.substr(last + 1), replay.source.offset)) return std::nullopt;
  return replay;
}

}  // namespace keystrand::worker::engine
