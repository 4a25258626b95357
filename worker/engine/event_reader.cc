#include "worker/engine/event_reader.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>

#include "common/kafka/partitioner.h"
#include "common/kafka/record_headers.h"

namespace keystrand::worker::engine {
namespace {

template <typename Number>
bool ReadWhole(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

/// What is asked of the headers of every event, found in one pass; of a name that is there twice the last one.
struct Headers {
  explicit Headers(const SourceRecord& record) {
    record.VisitHeaders([this](std::string_view name, std::string_view value) {
      if (name == kafka::header::kReceivedAt) received_at = value;
      if (name == kafka::header::kExpectedMode) expected_mode = value;
      if (name == kafka::header::kReplayId) replay_id = value;
      if (name == kafka::header::kSourcePosition) source_position = value;
      if (name == kafka::header::kTraceparent) traceparent = value;
    });
  }
  std::string_view received_at;
  std::string_view expected_mode = "any";
  std::optional<std::string_view> replay_id;
  std::string_view source_position;
  std::optional<std::string_view> traceparent;
};

/// When the receiver took the delivery; the record's own time if a header is missing or damaged.
std::int64_t ReceivedAt(const SourceRecord& record, const Headers& headers) {
  std::int64_t unix_ms = 0;
  const bool whole = ReadWhole(headers.received_at, unix_ms) && unix_ms > 0;
  return whole ? unix_ms : std::max<std::int64_t>(record.timestamp_ms(), 0);
}

Result<handlers::Event> ReadEvent(const SourceRecord& record, const Headers& headers, std::int32_t partition,
                                  std::int32_t partition_count, const std::string& own_account) {
  if (!record.has_value()) return Fail(ErrorCode::kMalformed, "the record has no value");
  if (kafka::PartitionOf(record.key(), partition_count) != partition) {
    return Fail(ErrorCode::kMalformed, "the record's key belongs to another partition");
  }
  auto envelope = stripe::ParseEnvelope(record.value(), own_account);
  if (!envelope) return Fail(envelope.error());
  handlers::Event event;
  event.received_at_ms = ReceivedAt(record, headers);
  event.created = envelope->created.value_or(event.received_at_ms / 1000);
  event.expected_mode = headers.expected_mode;
  event.envelope = std::move(*envelope);
  return event;
}

std::unique_ptr<Replay> ReadReplay(const Headers& headers) {
  if (headers.replay_id.value_or("").empty()) return nullptr;
  const std::string_view position = headers.source_position;
  const auto last = position.rfind('/');
  if (last == std::string_view::npos || last == 0) return nullptr;
  const auto middle = position.rfind('/', last - 1);
  if (middle == std::string_view::npos || middle == 0) return nullptr;
  Replay replay{std::string(*headers.replay_id), {std::string(position.substr(0, middle)), 0, 0}};
  if (!ReadWhole(position.substr(middle + 1, last - middle - 1), replay.source.partition)) return nullptr;
  if (!ReadWhole(position.substr(last + 1), replay.source.offset)) return nullptr;
  return std::make_unique<Replay>(std::move(replay));
}

void Note(const Headers& headers, Item& item) {
  item.replay = ReadReplay(headers);
  item.replayed = headers.replay_id.has_value();
  item.trace_unreadable = headers.traceparent && TraceIdIn(*headers.traceparent).empty();
}

}  // namespace

void ReadItem(Item& item, std::int32_t partition, std::int32_t partition_count, const std::string& own_account) {
  const Headers headers(*item.record);
  Note(headers, item);
  item.event = std::make_unique<Result<handlers::Event>>(
      ReadEvent(*item.record, headers, partition, partition_count, own_account));
}

bool ReadItemByHeaders(Item& item) {
  const SourceRecord& record = *item.record;
  const Headers headers(record);
  Note(headers, item);
  const auto id = record.FindHeader(kafka::header::kEventId);
  const auto type = record.FindHeader(kafka::header::kEventType);
  const std::string_view key = record.key();
  const auto account_end = key.find('/', key.find('/') + 1);
  if (!id || !type || account_end == std::string_view::npos) return false;
  handlers::Event event;
  event.envelope.id = *id;
  event.envelope.type = *type;
  event.envelope.scope = key.substr(0, account_end);
  event.envelope.livemode = key.starts_with("live/");
  event.envelope.ordering_key = key;
  event.received_at_ms = ReceivedAt(record, headers);
  event.created = event.received_at_ms / 1000;
  event.expected_mode = "any";
  item.event = std::make_unique<Result<handlers::Event>>(std::move(event));
  return true;
}

std::string_view TraceIdIn(std::string_view traceparent) {
  if (traceparent.size() != 55 || !traceparent.starts_with("00-")) return {};
  for (std::size_t at = 0; at < traceparent.size(); ++at) {
    const bool dash = at == 2 || at == 35 || at == 52;
    const char c = traceparent[at];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (dash ? c != '-' : !hex) return {};
  }
  const auto trace_id = traceparent.substr(3, 32);
  return trace_id.find_first_not_of('0') == std::string_view::npos ? std::string_view{} : trace_id;
}

}  // namespace keystrand::worker::engine
