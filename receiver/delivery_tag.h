#pragma once

#include <cstdint>

#include "common/http/handler.h"
#include "common/metrics/labels.h"
#include "common/stripe/signature_verifier.h"

namespace keystrand::receiver {

/// What the endpoint knows about a delivery when it answers, for the observer that hears how the exchange ended: only
/// then is it certain that an accepted event was told so.
struct DeliveryTag {
  metrics::DeliveryOutcome outcome = metrics::DeliveryOutcome::kFailedInternal;
  metrics::EventType event_type = metrics::kOtherEventType;                ///< of an accepted event
  metrics::Livemode livemode = metrics::Livemode::kFalse;                  ///< of an accepted event
  stripe::SignatureFailure failure = stripe::SignatureFailure::kNoSecret;  ///< of kRejectedSignature
  bool logged = false;                                                     ///< by the endpoint, with the event
};

/// As a tag that is never 0, which stands for an answer of the server itself.
constexpr http::OutcomeTag Pack(const DeliveryTag& tag) {
  return (static_cast<http::OutcomeTag>(tag.outcome) + 1) | static_cast<http::OutcomeTag>(tag.event_type) << 8 |
         static_cast<http::OutcomeTag>(tag.livemode) << 16 | static_cast<http::OutcomeTag>(tag.logged) << 17 |
         static_cast<http::OutcomeTag>(tag.failure) << 24;
}

constexpr DeliveryTag Unpack(http::OutcomeTag tag) {
  return {static_cast<metrics::DeliveryOutcome>((tag & 0xFF) - 1), static_cast<metrics::EventType>(tag >> 8 & 0xFF),
          static_cast<metrics::Livemode>(tag >> 16 & 1), static_cast<stripe::SignatureFailure>(tag >> 24 & 0xFF),
          (tag >> 17 & 1) != 0};
}

}  // namespace keystrand::receiver
