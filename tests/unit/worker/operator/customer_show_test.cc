#include "worker/operator/customer_show.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keystrand::worker::op {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kNowMs = 1'800'000'000'000;

CustomerReport Report(const std::string& state, const std::string& reason) {
  store::CustomerState customer;
  customer.ordering_key = "live/self/cus_1";
  customer.strand = {"keystrand.events", 3, "live/self/cus_1", state, reason, kNowMs - 3'600'000};
  customer.head = {
      {"keystrand.events", 3, 41}, "evt_1", "invoice.paid", state == "held" ? "held" : "waiting", 3, std::nullopt,
      "missing_reference",         2};
  return {kNowMs, kNowMs - 86'400'000, {customer}};
}

TEST(CustomerText, SaysWhyItWaitsAndWhatComesNext) {
  auto report = Report("parked", "retry");
  report.customers.front().head->next_attempt_at_ms = kNowMs + 90'000;
  EXPECT_THAT(CustomersText(report),
              AllOf(HasSubstr("live/self/cus_1: parked"), HasSubstr("tried again by itself"), HasSubstr("1 h ago"),
                    HasSubstr("evt_1 invoice.paid at keystrand.events/3/41, waiting"), HasSubstr("in 1 min 30 s"),
                    HasSubstr("2 events"), HasSubstr("Nothing was settled since")));
  report.customers.front().head->next_attempt_at_ms = kNowMs;
  EXPECT_THAT(CustomersText(report), HasSubstr("(due)"));
}

TEST(CustomerText, SaysThatAHeldCustomerNeedsAnOperator) {
  EXPECT_THAT(CustomersText(Report("held", "hold")),
              AllOf(HasSubstr("dead-letters replay"), HasSubstr("dead-letters discard"), HasSubstr("never by itself")));
}

TEST(CustomerText, OfAFlowingOneNamesNothingThatWaits) {
  auto report = Report("parked", "retry");
  report.customers.front().strand.reset();
  report.customers.front().head.reset();
  EXPECT_THAT(CustomersText(report), AllOf(HasSubstr("live/self/cus_1: flowing"), Not(HasSubstr("next attempt"))));
  EXPECT_THAT(CustomersJson(report), AllOf(HasSubstr(R"("state":"flowing")"), HasSubstr(R"("next":null)")));
}

}  // namespace
}  // namespace keystrand::worker::op
