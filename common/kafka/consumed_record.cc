#include "common/kafka/consumed_record.h"

#include <cstring>

#include "common/kafka/internal.h"

namespace keystrand::kafka {
namespace {

/// Of a header's name and value, in front of them.
struct Sizes {
  std::uint32_t name;
  std::uint32_t value;
};

/// Calls `take` with the name and value of each header of librdkafka's.
template <typename Take>
void ForEachHeader(const rd_kafka_message_t& message, Take take) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    take(std::string_view(name), std::string_view(static_cast<const char*>(value), value == nullptr ? 0 : size));
  }
}

char* Append(char* to, std::string_view text) {
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  return to + text.size();
}

}  // namespace

ConsumedRecord::ConsumedRecord(const rd_kafka_message_t& message)
    : key_size_(static_cast<std::uint32_t>(message.key == nullptr ? 0 : message.key_len)),
      value_size_(static_cast<std::uint32_t>(message.payload == nullptr ? 0 : message.len)),
      partition_(message.partition),
      offset_(message.offset),
      timestamp_ms_(rd_kafka_message_timestamp(&message, nullptr)),
      has_value_(message.payload != nullptr) {
  std::size_t headers = 0;
  ForEachHeader(message, [&](std::string_view name, std::string_view value) {
    headers += sizeof(Sizes) + name.size() + value.size();
  });
  headers_size_ = static_cast<std::uint32_t>(headers);
  bytes_.reset(new char[std::size_t{key_size_} + value_size_ + headers]);
  char* end = Append(bytes_.get(), {static_cast<const char*>(message.key), key_size_});
  end = Append(end, {static_cast<const char*>(message.payload), value_size_});
  ForEachHeader(message, [&](std::string_view name, std::string_view value) {
    const Sizes sizes{static_cast<std::uint32_t>(name.size()), static_cast<std::uint32_t>(value.size())};
    std::memcpy(end, &sizes, sizeof sizes);
    end = Append(Append(end + sizeof sizes, name), value);
  });
}

void ConsumedRecord::VisitHeaders(const HeaderVisitor& visit) const {
  std::string_view bytes(bytes_.get() + key_size_ + value_size_, headers_size_);
  while (bytes.size() >= sizeof(Sizes)) {
    Sizes sizes{};
    std::memcpy(&sizes, bytes.data(), sizeof sizes);
    bytes.remove_prefix(sizeof sizes);
    visit(bytes.substr(0, sizes.name), bytes.substr(sizes.name, sizes.value));
    bytes.remove_prefix(std::size_t{sizes.name} + sizes.value);
  }
}

}  // namespace keystrand::kafka
