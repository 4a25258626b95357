#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "common/kafka/header_visitor.h"

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
  /// Each of its headers, in order.
  void VisitHeaders(const HeaderVisitor& visit) const;

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
