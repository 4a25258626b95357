#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.h"
#include "worker/handlers/event.h"
#include "worker/handlers/unit_of_work.h"

namespace keystrand::worker::handlers {

/// What an event meant to a handler.
enum class Verdict : std::uint8_t {
  kIgnored,  ///< not for this handler, or nothing to do; the reason says why
  kStale,    ///< something newer is known already
  kApplied,  ///< rows changed
};

struct Outcome {
  Verdict verdict = Verdict::kIgnored;
  std::string reason;  ///< of kIgnored: a constant word, e.g. "no_object"
};

/// A pure function over rows that the engine loads and stores: no SQL, no clock, no I/O. Stateless, so one instance
/// serves all executors at once.
class Handler {
 public:
  virtual ~Handler() = default;
  /// A short constant word: its row in keystrand.breakers, and what operators call it.
  [[nodiscard]] virtual std::string_view Name() const = 0;
  /// The tables that it writes, as schema.table: when one is missing, the handler is stopped and not the worker.
  [[nodiscard]] virtual std::vector<std::string_view> Tables() const = 0;
  /// Whether it has anything to do with such an event.
  [[nodiscard]] virtual bool Handles(const Event& /*event*/) const { return true; }
  enum class AfterDeath : std::uint8_t {
    kContinue,  ///< the next event heals what the dead one left out: snapshots
    kHold,      ///< each event counts: the strand waits for the dead one's replay or discard
  };
  [[nodiscard]] virtual AfterDeath WhenDead() const { return AfterDeath::kContinue; }
  /// Says which rows Apply will look at; asked for the whole batch before any Apply.
  virtual void Need(const Event& event, RowKeys& keys) const = 0;
  /// Changes rows in `work`. Errors: kMalformed and kUnsupported become dead letters; others are tried again. What a
  /// failing event changed is undone.
  virtual Result<Outcome> Apply(const Event& event, UnitOfWork& work) const = 0;
};

}  // namespace keystrand::worker::handlers
