#include "worker/engine/entry.h"

#include "worker/engine/dispatcher.h"

namespace keystrand::worker::engine {

std::int32_t Entry::partition() const { return slice->partition->number; }

bool Entry::Blocks() const {
  switch (decision) {
    case Decision::kRetry:
    case Decision::kBack:
    case Decision::kDropped: return true;
    case Decision::kPark: return !behind;
    case Decision::kDead: return holds;
    case Decision::kNone:
    case Decision::kSettled: return false;
  }
  std::abort();
}

store::SourcePosition Entry::Position(const std::string& topic) const {
  return {topic, partition(), item->record->offset()};
}

}  // namespace keystrand::worker::engine
