#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "common/kafka/publisher.h"

struct rd_kafka_message_s;

namespace keystrand::kafka {

/// One consumed record, copied out of librdkafka: a message there keeps the whole response alive that it came in, up to
/// several MiB, and a few that wait for their turn would keep all of them. Move-only; views last as long as it lives.
class ConsumedRecord {
 public:
  /// `message` stays the caller's.
  explicit ConsumedRecord(const rd_kafka_message_s& message);
  [[nodiscard]] std::int32_t partition() const { return partition_; }
  [[nodiscard]] std::int64_t offset() const { return offset_; }
  [[nodiscard]] std::int64_t timestamp_ms() const { return timestamp_ms_; }  ///< the broker's, Unix ms; -1 if none
  [[nodiscard]] std::string_view key() const { return {bytes_.get(), key_size_}; }
  [[nodiscard]] std::string_view value() const { return {bytes_.get() + key_size_, value_size_}; }
  /// False for a null value (a tombstone nobody should write).
  [[nodiscard]] bool has_value() const { return has_value_; }
  [[nodiscard]] std::optional<std::string_view> FindHeader(std::string_view name) const;  ///< the last one of that name
  [[nodiscard]] std::vector<Header> Headers() const;  ///< all, in order; names are views into this record

 private:
  std::unique_ptr<char[]> bytes_;  ///< key, value, then each header: two sizes, name, value
  std::uint32_t key_size_ = 0;
  std::uint32_t value_size_ = 0;
  std::uint32_t headers_size_ = 0;
  std::int32_t partition_ = 0;
  std::int64_t offset_ = 0;
  std::int64_t timestamp_ms_ = -1;
  bool has_value_ = false;
};

}  // namespace keystrand::kafka
