#pragma once

#include <string_view>

namespace keystrand::stripe {

/// Whether an event says that its object is gone for good, so that nothing may bring it back. Judged by type alone: the
/// object of a deletion often looks alive. Not customer.subscription.deleted: the subscription stays, as canceled.
bool IsTombstone(std::string_view event_type);

/// Whether an event reports the birth of its object ("….created"): within one second it comes before any other.
bool IsCreation(std::string_view event_type);

/// Whether an object in this state never leaves it. `payment_status` counts for checkout sessions only. Unknown kinds
/// and states are not terminal: every list of Stripe's is open.
bool IsTerminal(std::string_view object_kind, std::string_view status, std::string_view payment_status);

}  // namespace keystrand::stripe
