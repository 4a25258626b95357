#pragma once

#include <string>

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
  /// Says which rows Apply will look at; asked for the whole batch before any Apply.
  virtual void Need(const Event& event, RowKeys& keys) const = 0;
  /// Changes rows in `work`. Errors: kMalformed and kUnsupported become dead letters; others are tried again. What a
  /// failing event changed is undone.
  virtual Result<Outcome> Apply(const Event& event, UnitOfWork& work) const = 0;
};

}  // namespace keystrand::worker::handlers
