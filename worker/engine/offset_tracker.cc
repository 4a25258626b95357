#include "worker/engine/offset_tracker.h"

#include <algorithm>

namespace keystrand::worker::engine {

void OffsetTracker::Complete(std::int64_t offset) {
  const auto found = std::lower_bound(open_.begin(), open_.end(), offset,
                                      [](const Entry& entry, std::int64_t wanted) { return entry.offset < wanted; });
  if (found == open_.end() || found->offset != offset) return;
  found->complete = true;
  while (!open_.empty() && open_.front().complete) {
    next_ = open_.front().offset + 1;
    open_.pop_front();
  }
}

}  // namespace keystrand::worker::engine
