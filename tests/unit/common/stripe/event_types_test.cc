#include "common/stripe/event_types.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "stripe_data.h"

namespace keystrand::stripe {
namespace {

using testing::ElementsAre;

TEST(TombstoneTest, AreTheseOfAllKnownTypes) {
  std::vector<std::string> tombstones;
  std::istringstream types(ReadTestData("event-types.txt"));
  for (std::string type; std::getline(types, type);) {
    if (IsTombstone(type)) tombstones.push_back(type);
  }
  EXPECT_THAT(tombstones,
              ElementsAre("account.external_account.deleted", "apps.install.deleted", "coupon.deleted",
                          "customer.deleted", "customer.discount.deleted", "customer.source.deleted",
                          "customer.tax_id.deleted", "invoice.deleted", "invoiceitem.deleted", "person.deleted",
                          "plan.deleted", "price.deleted", "product.deleted", "test_helpers.test_clock.deleted"));
}

TEST(TombstoneTest, LeavesASubscriptionThatEnded) {
  EXPECT_FALSE(IsTombstone("customer.subscription.deleted"));
  EXPECT_FALSE(IsTombstone("v1.customer.subscription.deleted"));
}

TEST(TombstoneTest, KnowsTypesToCome) {
  EXPECT_TRUE(IsTombstone("shiny_new.thing.deleted"));
  EXPECT_FALSE(IsTombstone("shiny_new.deleted.thing"));
}

TEST(CreationTest, IsJudgedByTheVerb) {
  EXPECT_TRUE(IsCreation("customer.subscription.created"));
  EXPECT_FALSE(IsCreation("customer.updated"));
  EXPECT_FALSE(IsCreation("created"));
}

struct Case {
  const char* kind;
  const char* status;
  bool terminal;
};

// Every state of every object that has states.
const Case kCases[] = {
    {"subscription", "incomplete", false},
    {"subscription", "trialing", false},
    {"subscription", "active", false},
    {"subscription", "past_due", false},
    {"subscription", "unpaid", false},
    {"subscription", "paused", false},
    {"subscription", "canceled", true},
    {"subscription", "incomplete_expired", true},
    {"invoice", "draft", false},
    {"invoice", "open", false},
    {"invoice", "paid", true},
    {"invoice", "uncollectible", false},
    {"invoice", "void", true},
    {"payment_intent", "requires_payment_method", false},
    {"payment_intent", "requires_confirmation", false},
    {"payment_intent", "requires_action", false},
    {"payment_intent", "processing", false},
    {"payment_intent", "requires_capture", false},
    {"payment_intent", "succeeded", true},
    {"payment_intent", "canceled", true},
    {"setup_intent", "requires_payment_method", false},
    {"setup_intent", "requires_confirmation", false},
    {"setup_intent", "requires_action", false},
    {"setup_intent", "processing", false},
    {"setup_intent", "succeeded", true},
    {"setup_intent", "canceled", true},
    {"charge", "pending", false},
    {"charge", "succeeded", false},
    {"charge", "failed", true},
    {"refund", "pending", false},
    {"refund", "requires_action", false},
    {"refund", "succeeded", false},
    {"refund", "failed", true},
    {"refund", "canceled", true},
    {"dispute", "needs_response", false},
    {"dispute", "won", false},
    {"dispute", "lost", false},
    {"dispute", "warning_closed", false},
    {"dispute", "prevented", false},
    {"checkout.session", "open", false},
    {"checkout.session", "complete", false},
    {"checkout.session", "expired", true},
    {"payout", "pending", false},
    {"payout", "in_transit", false},
    {"payout", "paid", false},
    {"payout", "failed", true},
    {"payout", "canceled", true},
    {"credit_note", "issued", false},
    {"credit_note", "void", true},
    {"subscription_schedule", "not_started", false},
    {"subscription_schedule", "active", false},
    {"subscription_schedule", "completed", true},
    {"subscription_schedule", "released", true},
    {"subscription_schedule", "canceled", true},
    {"quote", "draft", false},
    {"quote", "open", false},
    {"quote", "accepted", true},
    {"quote", "canceled", true},
    {"invoice_payment", "open", false},
    {"invoice_payment", "paid", false},
    {"invoice_payment", "canceled", true},
    {"topup", "canceled", false},
    {"customer", "", false},
    {"", "paid", false},
};

TEST(TerminalTest, FollowsTheStatesOfEachObject) {
  for (const Case& test : kCases) {
    EXPECT_EQ(IsTerminal(test.kind, test.status, ""), test.terminal) << test.kind << " " << test.status;
  }
}

TEST(TerminalTest, TakesACheckoutForFinalOnceItIsPaid) {
  EXPECT_TRUE(IsTerminal("checkout.session", "complete", "paid"));
  EXPECT_FALSE(IsTerminal("checkout.session", "complete", "unpaid"));
  EXPECT_FALSE(IsTerminal("checkout.session", "complete", "no_payment_required"));
  EXPECT_FALSE(IsTerminal("checkout.session", "open", "paid"));
  EXPECT_TRUE(IsTerminal("checkout.session", "expired", "unpaid"));
}

}  // namespace
}  // namespace keystrand::stripe
