#include "common/stripe/event_types.h"

#include <algorithm>

namespace keystrand::stripe {
namespace {

struct TerminalState {
  std::string_view object_kind;
  std::string_view status;
};

/// What looks final and is not, so it is missing here: uncollectible invoices (still paid or voided), succeeded charges
/// (refunds), succeeded refunds (fail up to 30 days later), paid payouts (fail days later), disputes (appeals), unpaid
/// and past_due subscriptions.
constexpr TerminalState kTerminal[] = {
    {"subscription", "canceled"},
    {"subscription", "incomplete_expired"},
    {"invoice", "paid"},
    {"invoice", "void"},
    {"payment_intent", "succeeded"},
    {"payment_intent", "canceled"},
    {"setup_intent", "succeeded"},
    {"setup_intent", "canceled"},
    {"charge", "failed"},
    {"refund", "failed"},
    {"refund", "canceled"},
    {"checkout.session", "expired"},
    {"payout", "failed"},
    {"payout", "canceled"},
    {"credit_note", "void"},
    {"subscription_schedule", "completed"},
    {"subscription_schedule", "released"},
    {"subscription_schedule", "canceled"},
    {"quote", "accepted"},
    {"quote", "canceled"},
    {"invoice_payment", "canceled"},
};

}  // namespace

bool IsTombstone(std::string_view event_type) {
  return event_type.ends_with(".deleted") && !event_type.ends_with("customer.subscription.deleted");
}

bool IsCreation(std::string_view event_type) { return event_type.ends_with(".created"); }

bool IsTerminal(std::string_view object_kind, std::string_view status, std::string_view payment_status) {
  if (object_kind == "checkout.session" && status == "complete") return payment_status == "paid";
  return std::any_of(std::begin(kTerminal), std::end(kTerminal), [&](const TerminalState& state) {
    return state.object_kind == object_kind && state.status == status;
  });
}

}  // namespace keystrand::stripe
