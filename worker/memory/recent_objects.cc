#include "worker/memory/recent_objects.h"

#include <algorithm>
#include <functional>
#include <string_view>

namespace keystrand::worker::memory {
namespace {

constexpr int kSecondBits = 34;  ///< until the year 2514; a time beyond counts as its end
constexpr std::uint64_t kSecondMax = (std::uint64_t{1} << kSecondBits) - 1;
constexpr int kRankBits = kSecondBits + 2;
constexpr std::uint64_t kRankMask = (std::uint64_t{1} << kRankBits) - 1;
constexpr std::uint64_t kTagMask = ~kRankMask;
constexpr std::uint64_t kLowestTagBit = std::uint64_t{1} << kRankBits;
constexpr std::uint64_t kOddFactor = 0x9e3779b97f4a7c15;

/// In the order of the ranks.
std::uint64_t NumberOf(const handlers::Rank& rank) {
  const std::uint64_t second =
      rank.created < 0 ? 0 : std::min<std::uint64_t>(static_cast<std::uint64_t>(rank.created), kSecondMax);
  return std::uint64_t{rank.deleted} << (kSecondBits + 1) | std::uint64_t{rank.terminal} << kSecondBits | second;
}

}  // namespace

RecentObjects::RecentObjects(std::size_t objects)
    : bucket_count_(objects / Bucket{}.size()), buckets_(std::make_unique<Bucket[]>(bucket_count_)) {}

RecentObjects::Place RecentObjects::PlaceOf(const store::ObjectKey& key) const {
  const std::hash<std::string_view> hash;
  const std::uint64_t mixed = ((hash(key.scope) * kOddFactor + hash(key.object)) * kOddFactor) ^ hash(key.id);
  return {mixed % bucket_count_, (mixed & kTagMask) | kLowestTagBit};
}

/// Two threads at one bucket may lose an object: then it is forgotten sooner.
void RecentObjects::Remember(const store::ObjectKey& key, const handlers::Rank& rank) {
  if (bucket_count_ == 0) return;
  const auto [at, tag] = PlaceOf(key);
  auto& bucket = buckets_[at];
  std::uint64_t newest = tag | NumberOf(rank);
  std::size_t place = 0;  // where it was, or who is forgotten
  for (; place + 1 < bucket.size(); ++place) {
    if ((bucket.at(place).load(std::memory_order_relaxed) & kTagMask) == tag) break;
  }
  if (const auto before = bucket.at(place).load(std::memory_order_relaxed); (before & kTagMask) == tag)
    newest = std::max(newest, before);
  for (; place > 0; --place) {
    bucket.at(place).store(bucket.at(place - 1).load(std::memory_order_relaxed), std::memory_order_relaxed);
  }
  bucket.front().store(newest, std::memory_order_relaxed);
}

bool RecentObjects::HasReached(const store::ObjectKey& key, const handlers::Rank& rank) const {
  if (bucket_count_ == 0) return false;
  const auto [at, tag] = PlaceOf(key);
  const auto& bucket = buckets_[at];
  return std::any_of(bucket.begin(), bucket.end(), [tag = tag, least = tag | NumberOf(rank)](const auto& slot) {
    const std::uint64_t known = slot.load(std::memory_order_relaxed);
    return (known & kTagMask) == tag && known >= least;
  });
}

}  // namespace keystrand::worker::memory
