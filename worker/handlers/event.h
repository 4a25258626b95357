#pragma once

#include <cstdint>
#include <string_view>

#include "common/stripe/envelope.h"

namespace keystrand::worker::handlers {

/// One event as handlers see it. Views point into the record, which outlives it.
struct Event {
  stripe::Envelope envelope;
  std::int64_t created = 0;         ///< Unix s: the envelope's, or the time of acceptance where it has none
  std::int64_t received_at_ms = 0;  ///< Unix ms: when the receiver accepted it
  std::string_view expected_mode;   ///< live, test or any: what its endpoint is for
};

}  // namespace keystrand::worker::handlers
