#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "worker/handlers/guard.h"
#include "worker/store/objects.h"

namespace keystrand::worker::memory {

/// Remembers, in 8 bytes each, the rank of about so many objects that it was told of last. It may forget one sooner,
/// and takes one in ten million strangers for known: what it says is a guess. Thread-safe.
class RecentObjects {
 public:
  explicit RecentObjects(std::size_t objects);
  void Remember(const store::ObjectKey& key, const handlers::Rank& rank);
  /// Whether the object is remembered with this rank or a higher one.
  [[nodiscard]] bool HasReached(const store::ObjectKey& key, const handlers::Rank& rank) const;

 private:
  /// The last objects that fell to it, the newest first; 0: none. Each a tag, the part of its hash that does not say
  /// where, and below it the rank.
  using Bucket = std::array<std::atomic<std::uint64_t>, 4>;
  struct Place {
    std::size_t bucket;
    std::uint64_t tag;
  };
  [[nodiscard]] Place PlaceOf(const store::ObjectKey& key) const;

  const std::size_t bucket_count_;
  std::unique_ptr<Bucket[]> buckets_;
};

}  // namespace keystrand::worker::memory
