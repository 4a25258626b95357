#include "receiver/exchange_observer.h"

#include <gtest/gtest.h>

#include "delivery.h"
#include "receiver/delivery_tag.h"

namespace keystrand::receiver {
namespace {

using http::Ending;
using metrics::DeliveryOutcome;

constexpr const char* kInvoicePaid =
    R"(keystrand_receiver_accepted_events_total{event_type="invoice.paid",livemode="true"})";

struct Case {
  const char* name;
  Ending ending;
  int status;
  http::OutcomeTag tag;
  DeliveryOutcome expected;
};
std::string NameOfCase(const testing::TestParamInfo<Case>& info) { return info.param.name; }
class OutcomeOfExchange : public testing::TestWithParam<Case> {};

TEST_P(OutcomeOfExchange, IsOneOfTheList) {
  http::Exchange exchange;
  exchange.ending = GetParam().ending;
  exchange.status = GetParam().status;
  exchange.outcome = GetParam().tag;
  EXPECT_EQ(OutcomeOf(exchange), GetParam().expected);
}

constexpr http::OutcomeTag kAcceptedTag = Pack({.outcome = DeliveryOutcome::kAccepted});
constexpr http::OutcomeTag kTimeoutTag = Pack({.outcome = DeliveryOutcome::kFailedQueueTimeout});

const Case kCases[] = {
    {"Accepted", Ending::kAnswered, 200, kAcceptedTag, DeliveryOutcome::kAccepted},
    {"AckTimeout", Ending::kAnswerTimeout, 503, kTimeoutTag, DeliveryOutcome::kFailedQueueTimeout},
    {"BodyTooLarge", Ending::kRefusedHead, 413, 0, DeliveryOutcome::kRejectedBodyTooLarge},
    {"BadFraming", Ending::kRefusedHead, 400, 0, DeliveryOutcome::kRejectedBadRequest},
    {"TooSlow", Ending::kTimedOut, 408, 0, DeliveryOutcome::kRejectedDeadline},
    {"Overloaded", Ending::kOverloaded, 503, 0, DeliveryOutcome::kFailedOverloaded},
    {"Dropped", Ending::kDropped, 500, 0, DeliveryOutcome::kFailedInternal},
    {"PeerGone", Ending::kPeerGone, 499, 0, DeliveryOutcome::kRejectedClientGone},
    {"Stopped", Ending::kStopped, 503, 0, DeliveryOutcome::kFailedDraining},
};
INSTANTIATE_TEST_SUITE_P(Receiver, OutcomeOfExchange, testing::ValuesIn(kCases), NameOfCase);

class ExchangeObserverTest : public testing::Test {
 protected:
  http::Exchange Delivery() {
    http::Exchange exchange;
    exchange.method = "POST";
    exchange.path = "/webhooks/stripe";
    exchange.status = 200;
    exchange.outcome = Pack({.outcome = DeliveryOutcome::kAccepted,
                             .event_type = metrics::EventTypeOf("invoice.paid"),
                             .livemode = metrics::Livemode::kTrue});
    exchange.body_bytes = 3000;
    return exchange;
  }
  ManualClock clock_;
  metrics::Registry registry_;
  metrics::ReceiverMetrics metrics_{registry_};
  EventsInFlight in_flight_;
  ExchangeObserver observer_{{"/webhooks/stripe"}, metrics_, in_flight_, clock_};
};

TEST_F(ExchangeObserverTest, CountsAnAcceptedEvent) {
  observer_.OnExchange(Delivery());
  EXPECT_EQ(ValueOf(registry_, R"(keystrand_http_requests_total{code="200",handler="stripe",method="POST"})"), 1);
  EXPECT_EQ(ValueOf(registry_, R"(keystrand_receiver_events_total{outcome="accepted",reason="none"})"), 1);
  EXPECT_EQ(ValueOf(registry_, kInvoicePaid), 1);
  EXPECT_EQ(ValueOf(registry_, "keystrand_http_request_body_bytes_sum"), 3000);
}

TEST_F(ExchangeObserverTest, DoesNotCountAnEventWhoseSenderWasNotTold) {
  http::Exchange exchange = Delivery();
  exchange.ending = Ending::kPeerGone;
  exchange.status = 499;
  observer_.OnExchange(exchange);
  EXPECT_EQ(ValueOf(registry_, R"(keystrand_receiver_events_total{outcome="rejected",reason="client_gone"})"), 1);
  EXPECT_EQ(ValueOf(registry_, kInvoicePaid), 0);
}

TEST_F(ExchangeObserverTest, GivesUpAnEventWhoseSenderWasNotTold) {
  const EventIds ids{"request", "trace", "evt_1", "invoice.paid"};
  in_flight_.Add(ids);
  http::Exchange exchange = Delivery();
  exchange.request_id = "request";
  exchange.ending = Ending::kAnswerTimeout;
  exchange.status = 503;
  exchange.outcome = kTimeoutTag;
  observer_.OnExchange(exchange);
  EXPECT_FALSE(in_flight_.Reported(ids));
}

TEST_F(ExchangeObserverTest, KeepsScannersApartFromDeliveries) {
  http::Exchange exchange;
  exchange.method = "GET";
  exchange.path = "/.env";
  exchange.status = 404;
  observer_.OnExchange(exchange);
  EXPECT_EQ(ValueOf(registry_, R"(keystrand_http_requests_total{code="404",handler="other",method="other"})"), 1);
  EXPECT_EQ(ValueOf(registry_, R"(keystrand_receiver_events_total{outcome="rejected",reason="bad_request"})"), 0);
}

}  // namespace
}  // namespace keystrand::receiver
