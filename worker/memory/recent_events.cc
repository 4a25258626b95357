#include "worker/memory/recent_events.h"

#include <algorithm>
#include <functional>

namespace keystrand::worker::memory {
namespace {

constexpr std::size_t kBuckets = std::size_t{1} << 18U;

}  // namespace

RecentEvents::RecentEvents() : buckets_(std::make_unique<Bucket[]>(kBuckets)) {}

RecentEvents::Place RecentEvents::PlaceOf(std::string_view event_id) {
  const std::uint64_t hash = std::hash<std::string_view>{}(event_id);
  return {hash % kBuckets, static_cast<std::uint32_t>(hash >> 32U) | 1U};
}

/// Two threads at one bucket may lose an id: then it is forgotten sooner.
void RecentEvents::Remember(std::string_view event_id) {
  const auto [at, tag] = PlaceOf(event_id);
  auto& bucket = buckets_[at];
  for (std::size_t i = bucket.size() - 1; i > 0; --i) {
    bucket.at(i).store(bucket.at(i - 1).load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
  bucket.front().store(tag, std::memory_order_relaxed);
}

bool RecentEvents::Knows(std::string_view event_id) const {
  const auto [at, tag] = PlaceOf(event_id);
  const auto& bucket = buckets_[at];
  return std::any_of(bucket.begin(), bucket.end(),
                     [tag = tag](const auto& known) { return known.load(std::memory_order_relaxed) == tag; });
}

}  // namespace keystrand::worker::memory
