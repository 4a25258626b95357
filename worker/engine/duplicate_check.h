#pragma once

#include <chrono>
#include <cstdint>

#include "worker/engine/entry.h"
#include "worker/memory/caution.h"
#include "worker/memory/recent_events.h"

namespace keystrand::worker::engine {

/// Which events of a batch are looked up in the inbox before they are handled. To a new event, and nearly all are new,
/// the look-up is nothing but cost: the inbox's key refuses a second row, and the whole transaction with it. So it is
/// asked about what has a reason to be known: what was settled lately, what came long after it was created (Stripe
/// sends again for three days), what was tried before, and replays. An event that is known without such a reason costs
/// its batch a conflict; then, as after a start, all are looked up until so many in a row held no such surprise: each
/// time twice as many.
///
/// Nothing rests on these guesses but time. Shared by all executors; thread-safe.
class DuplicateCheck {
 public:
  struct Settings {
    std::int64_t careful_events = 1000;  ///< so many in a row without a surprise show that guesses will do, at first
    std::int64_t careful_events_max = 64000;
    /// What is accepted so long after its creation has probably been delivered before.
    std::chrono::seconds late = std::chrono::minutes(10);
  };
  explicit DuplicateCheck(Settings settings)
      : settings_(settings), caution_(settings.careful_events, settings.careful_events_max) {}

  /// Whether all events are to be looked up now.
  [[nodiscard]] bool IsCareful() const { return caution_.IsOn(); }
  /// Whether this one is to be looked up in any case. Its event can be read.
  [[nodiscard]] bool Suspects(const Item& item) const;
  /// What an attempt committed. `all_looked_up`: not only those that were suspected.
  void Learn(const Entries& entries, bool all_looked_up);

 private:
  [[nodiscard]] bool IsLate(const handlers::Event& event) const;

  const Settings settings_;
  memory::Caution caution_;
  memory::RecentEvents recent_;
};

}  // namespace keystrand::worker::engine
