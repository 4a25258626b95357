#pragma once

#include <string>
#include <utility>
#include <vector>

#include "worker/engine/source_record.h"

namespace keystrand::worker::engine {

/// A record that never was in Kafka.
class FakeRecord final : public SourceRecord {
 public:
  FakeRecord(std::string key, std::int64_t offset, std::string value = "0123456789",
             std::vector<kafka::Header> headers = {})
      : key_(std::move(key)), offset_(offset), value_(std::move(value)), headers_(std::move(headers)) {}
  [[nodiscard]] Origin origin() const override { return Origin::kLive; }
  [[nodiscard]] std::string_view key() const override { return key_; }
  [[nodiscard]] std::string_view value() const override { return value_; }
  [[nodiscard]] bool has_value() const override { return true; }
  [[nodiscard]] std::int64_t offset() const override { return offset_; }
  [[nodiscard]] std::int64_t timestamp_ms() const override { return 1700000000000; }
  void VisitHeaders(const kafka::HeaderVisitor& visit) const override {
    for (const auto& header : headers_) visit(header.name, header.value);
  }

 private:
  std::string key_;
  std::int64_t offset_;
  std::string value_;
  std::vector<kafka::Header> headers_;
};

}  // namespace keystrand::worker::engine
