#pragma once

#include <cstddef>
#include <cstdint>

#include "worker/handlers/unit_of_work.h"
#include "worker/memory/caution.h"
#include "worker/memory/recent_objects.h"

namespace keystrand::worker::memory {

/// Which rows a batch has to look at before it writes them. Nearly every event is the newest of its object, and then
/// the look is nothing but a round trip: the row is replaced on the condition that it has a lower rank, and the
/// database refuses the whole transaction otherwise. So those are looked at of which an event of the same or a higher
/// rank was seen lately. One that has a higher rank all the same costs its batch a second run; then, as after a start,
/// all are looked at until so many events in a row held no such surprise: each time twice as many.
///
/// Nothing rests on these guesses but time. Shared by all executors; thread-safe.
class StaleCheck {
 public:
  struct Settings {
    std::int64_t careful_events = 1000;
    std::int64_t careful_events_max = 64000;
    std::size_t objects = std::size_t{1} << 17U;  ///< remembered, in 8 bytes each
  };
  explicit StaleCheck(Settings settings)
      : caution_(settings.careful_events, settings.careful_events_max), recent_(settings.objects) {}

  /// Whether all rows are to be looked at now.
  [[nodiscard]] bool IsCareful() const { return caution_.IsOn(); }
  /// Whether the row of this key is to be looked at.
  [[nodiscard]] bool Suspects(const store::ObjectKey& key, const handlers::RowKeys::Use& use) const;
  /// What a batch that needed `keys` found, before it changes anything. Of use where nothing is guessed now, or the
  /// guess was wrong.
  void Learn(const handlers::RowKeys& keys, std::size_t events, const handlers::Objects& found);
  /// What it makes of them.
  void Remember(const handlers::Objects& objects);

 private:
  Caution caution_;
  RecentObjects recent_;
};

}  // namespace keystrand::worker::memory
