#pragma once

#include <algorithm>
#include <cstdint>

namespace keystrand::kafka {

/// How far one assignment of one partition has been read. librdkafka before 2.4 can rewind by itself: a resume of its
/// own that finds nothing paused makes it fetch again from where an earlier assignment began (confluentinc/librdkafka
/// issue 4686). Records that come again are to be dropped here, so that whoever reads sees ascending offsets.
class FetchPosition {
 public:
  /// `start`: the first offset wanted; below 0, whatever the log begins with.
  explicit FetchPosition(std::int64_t start) : next_(std::max<std::int64_t>(start, 0)) {}

  /// Whether the record at `offset` is a new one; it then counts as read.
  [[nodiscard]] bool Take(std::int64_t offset) {
    if (offset < next_) return false;
    next_ = offset + 1;
    return true;
  }

 private:
  std::int64_t next_;
};

}  // namespace keystrand::kafka
