#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace keystrand::worker::engine {

/// The low watermark of one partition: below it, every offset that was begun is complete. Offsets may have gaps
/// (transaction markers, compaction). Not thread-safe.
class OffsetTracker {
 public:
  /// A record was taken up. Offsets rise.
  void Begin(std::int64_t offset) { open_.push_back({offset, false}); }

  /// Its outcome is in the database. Unknown offsets are ignored.
  void Complete(std::int64_t offset);

  /// The offset to go on from: one past the last of the unbroken run of complete ones. Empty: none yet.
  [[nodiscard]] std::optional<std::int64_t> next() const { return next_; }

  /// Offsets begun and not below the watermark.
  [[nodiscard]] std::size_t pending() const { return open_.size(); }

 private:
  struct Entry {
    std::int64_t offset;
    bool complete;
  };
  std::deque<Entry> open_;
  std::optional<std::int64_t> next_;
};

}  // namespace keystrand::worker::engine
