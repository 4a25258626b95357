#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/kafka/consumer.h"
#include "worker/store/parking.h"

namespace keystrand::worker::engine {

/// Where a lane's item comes from. All are drained by the partition's owner, in one order per key.
enum class Origin : std::uint8_t {
  kLive,    ///< the events topic; settling it completes its offset
  kParked,  ///< the head of a parked strand
  kTimer,   ///< a due timer: an event that nobody sent
};

/// The bytes of one item, whatever its origin. Immutable; read by one executor at a time.
class SourceRecord {
 public:
  virtual ~SourceRecord() = default;
  [[nodiscard]] virtual Origin origin() const = 0;
  [[nodiscard]] virtual std::string_view key() const = 0;
  [[nodiscard]] virtual std::string_view value() const = 0;
  [[nodiscard]] virtual bool has_value() const = 0;
  [[nodiscard]] virtual std::int64_t offset() const = 0;
  [[nodiscard]] virtual std::int64_t timestamp_ms() const = 0;
  /// Each of its headers, in order.
  virtual void VisitHeaders(const kafka::HeaderVisitor& visit) const = 0;
  /// The last one of that name.
  [[nodiscard]] std::optional<std::string_view> FindHeader(std::string_view name) const {
    std::optional<std::string_view> found;
    VisitHeaders([&](std::string_view each, std::string_view value) {
      if (each == name) found = value;
    });
    return found;
  }
  /// All of them, in order, as tables keep them.
  [[nodiscard]] std::vector<store::HeaderText> HeaderTexts() const {
    std::vector<store::HeaderText> texts;
    VisitHeaders([&](std::string_view name, std::string_view value) {
      texts.push_back({std::string(name), std::string(value)});
    });
    return texts;
  }
};

/// A record of the events topic.
class LiveRecord final : public SourceRecord {
 public:
  explicit LiveRecord(kafka::ConsumedRecord record) : record_(std::move(record)) {}
  [[nodiscard]] Origin origin() const override { return Origin::kLive; }
  [[nodiscard]] std::string_view key() const override { return record_.key(); }
  [[nodiscard]] std::string_view value() const override { return record_.value(); }
  [[nodiscard]] bool has_value() const override { return record_.has_value(); }
  [[nodiscard]] std::int64_t offset() const override { return record_.offset(); }
  [[nodiscard]] std::int64_t timestamp_ms() const override { return record_.timestamp_ms(); }
  void VisitHeaders(const kafka::HeaderVisitor& visit) const override { record_.VisitHeaders(visit); }

 private:
  kafka::ConsumedRecord record_;
};

/// An event that waited in keystrand.parked_events.
class ParkedRecord final : public SourceRecord {
 public:
  explicit ParkedRecord(store::ParkedEvent event) : event_(std::move(event)) {}
  [[nodiscard]] Origin origin() const override { return Origin::kParked; }
  [[nodiscard]] std::string_view key() const override { return event_.key; }
  [[nodiscard]] std::string_view value() const override { return event_.payload; }
  [[nodiscard]] bool has_value() const override { return true; }
  [[nodiscard]] std::int64_t offset() const override { return event_.offset; }
  [[nodiscard]] std::int64_t timestamp_ms() const override { return event_.record_timestamp_ms; }
  void VisitHeaders(const kafka::HeaderVisitor& visit) const override {
    for (const auto& header : event_.headers) visit(header.name, header.value);
  }
  [[nodiscard]] int attempts() const { return event_.attempts; }

 private:
  store::ParkedEvent event_;
};

}  // namespace keystrand::worker::engine
