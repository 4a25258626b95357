#include <gtest/gtest.h>

#include <optional>

#include "../common/http/client.h"
#include "common/http/server.h"
#include "delivery.h"
#include "fake_backlog.h"
#include "receiver/exchange_observer.h"
#include "receiver/webhook_endpoint.h"

namespace keystrand::receiver {
namespace {

using namespace std::chrono_literals;

const std::string kEvent =
    R"({"id":"evt_1","object":"event","type":"invoice.paid","livemode":true,"created":1799999990,)"
    R"("data":{"object":{"id":"in_1","object":"invoice","customer":"cus_1"}}})";

std::string Signed(const std::string& body) {
  return "POST /webhooks/stripe?x=1 HTTP/1.1\r\nHost: x\r\nStripe-Signature: " + Sign(body) +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// Endpoint and server together, Kafka's part played by the test.
class WebhookOverHttp : public testing::Test {
 protected:
  WebhookOverHttp() {
    EXPECT_TRUE(secrets_.Replace({kPrimary}));
    settings_.listen = "127.0.0.1:0";
    settings_.threads = 2;
    settings_.answer_timeout = 10s;
  }
  std::uint16_t Start() {
    server_.emplace(settings_, endpoint_, &observer_);
    EXPECT_TRUE(server_->Start());
    return server_->port();
  }

  ManualClock clock_;
  metrics::Registry registry_;
  metrics::ReceiverMetrics metrics_{registry_};
  SigningSecrets secrets_{300s};
  FakePublisher publisher_;
  FakeBacklog backlog_;
  ProduceGate gate_{backlog_.Asked(), {5'000ms, 10'000'000}, clock_};
  EventsInFlight in_flight_;
  WebhookEndpoint endpoint_{EndpointSettings{"default", 0, "/webhooks/stripe", "any", ""},
                            {secrets_, publisher_, gate_, [] { return 12; }, clock_, metrics_, in_flight_}};
  ExchangeObserver observer_{{"/webhooks/stripe"}, metrics_, in_flight_, clock_};
  http::ServerSettings settings_;
  std::optional<http::Server> server_;
};

TEST_F(WebhookOverHttp, AnswersAfterTheReportAndNotBefore) {
  http::Client client(Start());
  client.Send(Signed(kEvent));
  const auto published = publisher_.Next();
  EXPECT_EQ(client.Receive(50ms).status, 0);
  published.report(kafka::Position{0, 1});
  const http::Answer answer = client.Receive();
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.Has("X-Request-Id: " + published.HeaderValue("request-id").value()));
  EXPECT_EQ(published.record.value, kEvent);
}

TEST_F(WebhookOverHttp, AsksForARetryWhenTheReportIsLateAndTakesTheReportInSilence) {
  settings_.answer_timeout = 50ms;
  http::Client client(Start());
  client.Send(Signed(kEvent));
  const auto published = publisher_.Next();
  const http::Answer late = client.Receive();
  EXPECT_EQ(late.status, 503);
  EXPECT_TRUE(late.Has("Retry-After: "));
  published.report(kafka::Position{0, 1});
  client.Send(Signed(kEvent));
  publisher_.Next().report(kafka::Position{0, 2});
  EXPECT_EQ(client.Receive().status, 200);
  server_->Stop();
  EXPECT_EQ(ValueOf(registry_, R"(keystrand_receiver_events_total{outcome="failed",reason="queue_timeout"})"), 1);
  EXPECT_EQ(ValueOf(registry_, R"(keystrand_receiver_events_total{outcome="accepted",reason="none"})"), 1);
}

TEST_F(WebhookOverHttp, QueuesPipelinedDeliveriesInTheirOrder) {
  http::Client client(Start());
  std::string bytes;
  for (int i = 0; i < 20; ++i) bytes += Signed("{\"n\":" + std::to_string(i) + "}");
  client.Send(bytes);
  for (int i = 0; i < 20; ++i) {
    const auto published = publisher_.Next();
    EXPECT_EQ(published.record.value, "{\"n\":" + std::to_string(i) + "}");
    published.report(kafka::Position{});
    EXPECT_EQ(client.Receive().status, 200);
  }
}

TEST_F(WebhookOverHttp, CountsEveryRequestToTheWebhookOnce) {
  const std::uint16_t port = Start();
  const std::string head = "POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\n";
  for (const std::string& bytes : {
           Signed(kEvent).substr(0, 100) + "\r\nContent-Length: 2\r\n\r\n{}",  // no signature that verifies
           head + "Content-Length: 2\r\n\r\n{}",                               // no signature
           head + "Content-Length: 1048577\r\n\r\n",                           // too large
           head + "\r\n",                                                      // no length
           std::string("GET /webhooks/stripe HTTP/1.1\r\nHost: x\r\n\r\n"),
       }) {
    http::Client client(port);
    client.Send(bytes);
    EXPECT_NE(client.Receive().status, 200);
  }
  server_->Stop();
  EXPECT_EQ(ValueOf(registry_, R"(keystrand_receiver_events_total{outcome="rejected",reason="signature"})"), 2);
  EXPECT_EQ(ValueOf(registry_, R"(keystrand_receiver_events_total{outcome="rejected",reason="body_too_large"})"), 1);
  EXPECT_EQ(ValueOf(registry_, R"(keystrand_receiver_events_total{outcome="rejected",reason="bad_request"})"), 2);
  EXPECT_EQ(publisher_.waiting(), 0u);
}

TEST_F(WebhookOverHttp, LetsAReportComeAfterTheServerHasStopped) {
  http::Client client(Start());
  client.Send(Signed(kEvent));
  const auto published = publisher_.Next();
  server_->Stop();
  published.report(kafka::Position{0, 1});
  EXPECT_TRUE(client.WaitForClose());
}

}  // namespace
}  // namespace keystrand::receiver
