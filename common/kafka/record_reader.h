#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/kafka/client_settings.h"
#include "common/kafka/publisher.h"

namespace keystrand::kafka {

struct StoredHeader {
  std::string name;
  std::string value;
};

/// A record as it lies in a topic. Owns its bytes.
struct StoredRecord {
  Position position;
  std::int64_t timestamp_ms = -1;  ///< Unix ms; -1 if none
  std::string key;
  std::string value;
  std::vector<StoredHeader> headers;

  /// The last header of that name.
  [[nodiscard]] std::optional<std::string_view> FindHeader(std::string_view name) const;
};

/// Reads single records at known positions. In no group: it commits nothing, and no worker notices. One thread.
class RecordReader {
 public:
  /// Errors: kRejected.
  static Result<RecordReader> Open(const ClientSettings& settings);
  ~RecordReader();
  RecordReader(RecordReader&&) noexcept;
  RecordReader& operator=(RecordReader&&) noexcept;

  /// The records at `positions` (at most one a partition), in their order; empty where none is kept: past retention, or
  /// not written yet. Errors: kUnavailable (no answer within `timeout`), kMisdeployed (no such topic or partition).
  Result<std::vector<std::optional<StoredRecord>>> Read(const std::string& topic,
                                                        const std::vector<Position>& positions,
                                                        std::chrono::milliseconds timeout);

 private:
  class Impl;
  explicit RecordReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// One record, by a client of its own. Errors: those of RecordReader.
Result<std::optional<StoredRecord>> ReadRecord(const ClientSettings& settings, const std::string& topic,
                                               Position position, std::chrono::milliseconds timeout);

}  // namespace keystrand::kafka
