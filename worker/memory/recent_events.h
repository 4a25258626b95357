#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace keystrand::worker::memory {

/// Remembers, in 4 MiB, about the last half million event ids that it was told. It may forget one sooner (of 100,000
/// ids back, one in two thousand) and takes one in a thousand million strangers for known: what it says is a guess.
/// Thread-safe.
class RecentEvents {
 public:
  RecentEvents();
  void Remember(std::string_view event_id);
  [[nodiscard]] bool Knows(std::string_view event_id) const;

 private:
  /// The last ids that fell to it, as the half of their hash that does not say where; the newest first, 0: none.
  using Bucket = std::array<std::atomic<std::uint32_t>, 4>;
  struct Place {
    std::size_t bucket;
    std::uint32_t tag;
  };
  static Place PlaceOf(std::string_view event_id);

  std::unique_ptr<Bucket[]> buckets_;
};

}  // namespace keystrand::worker::memory
