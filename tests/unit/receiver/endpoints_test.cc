#include "receiver/endpoints.h"

#include <gtest/gtest.h>

#include "common/http/framing_policy.h"
#include "delivery.h"
#include "fake_backlog.h"
#include "receiver/exchange_observer.h"

namespace keystrand::receiver {
namespace {

using namespace std::chrono_literals;

const std::string kConnect = "whsec_invented_for_tests_connect";
const std::string kEvent =
    R"({"id":"evt_1","object":"event","type":"invoice.paid","livemode":true,"created":1799999990,)"
    R"("data":{"object":{"id":"in_1","object":"invoice","customer":"cus_1"}}})";

/// Two endpoints with a secret each.
class EndpointsTest : public testing::Test {
 protected:
  EndpointsTest() {
    EXPECT_TRUE(main_secrets_.Replace({kPrimary}));
    EXPECT_TRUE(connect_secrets_.Replace({kConnect}));
    std::vector<std::unique_ptr<WebhookEndpoint>> made;
    made.push_back(Make({"main", 0, "/main", "live", ""}, main_secrets_));
    made.push_back(Make({"connect", 1, "/connect", "any", ""}, connect_secrets_));
    endpoints_.emplace(std::move(made));
  }
  std::unique_ptr<WebhookEndpoint> Make(EndpointSettings settings, SigningSecrets& secrets) {
    return std::make_unique<WebhookEndpoint>(
        std::move(settings), WebhookEndpoint::Parts{secrets, publisher_, gate_, [] { return Result<std::int32_t>(12); },
                                                    clock_, metrics_, in_flight_});
  }
  /// Status of a refusal by the head, or 0.
  int Deliver(const std::string& path, const std::string& secret) {
    bytes_ = "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(kEvent.size()) +
             "\r\nStripe-Signature: " + Sign(kEvent, secret) + "\r\n\r\n";
    EXPECT_EQ(http::JudgeHead(bytes_, {}, head_).state, http::HeadState::kAccepted);
    if (const auto refusal = endpoints_->Admit(head_)) return refusal->response.status();
    endpoints_->Handle({head_, kEvent, "0123456789abcdef0123456789abcdef", "192.0.2.1", {}}, http::Responder(sink_, 1));
    return 0;
  }

  ManualClock clock_;
  metrics::Registry registry_;
  metrics::ReceiverMetrics metrics_{registry_, {"main", "connect"}};
  SigningSecrets main_secrets_{300s};
  SigningSecrets connect_secrets_{300s};
  FakePublisher publisher_;
  FakeBacklog backlog_;
  ProduceGate gate_{backlog_.Asked(), {5'000ms, 10'000'000}, clock_};
  EventsInFlight in_flight_;
  std::optional<Endpoints> endpoints_;
  std::shared_ptr<FakeSink> sink_ = std::make_shared<FakeSink>();
  std::string bytes_;
  http::RequestHead head_;
};

TEST_F(EndpointsTest, TakeADeliveryEachWithItsOwnSecretNameAndMode) {
  EXPECT_EQ(Deliver("/main?version=2", kPrimary), 0);
  const auto main = publisher_.Next();
  EXPECT_EQ(main.HeaderValue("endpoint"), "main");
  EXPECT_EQ(main.HeaderValue("expected-mode"), "live");
  EXPECT_EQ(Deliver("/connect", kConnect), 0);
  EXPECT_EQ(publisher_.Next().HeaderValue("endpoint"), "connect");
}

TEST_F(EndpointsTest, RefuseEachOthersSecrets) {
  EXPECT_EQ(Deliver("/main", kConnect), 0);
  ASSERT_EQ(sink_->answers.size(), 1u);
  EXPECT_EQ(sink_->answers[0].status, 400);
  EXPECT_EQ(publisher_.waiting(), 0u);
}

TEST_F(EndpointsTest, AreFoundByTheirPathAlone) {
  for (const char* path : {"/", "/main/", "/Main", "/main/connect", "/mainconnect"}) {
    EXPECT_EQ(Deliver(path, kPrimary), 404) << path;
  }
}

TEST_F(EndpointsTest, CountWhichSecretMatchedOnWhichEndpoint) {
  Deliver("/connect", kConnect);
  Deliver("/main", kConnect);
  const std::string series = "keystrand_signature_verifications_total";
  EXPECT_EQ(ValueOf(registry_, series + R"({endpoint="connect",result="valid",secret="primary"})"), 1);
  EXPECT_EQ(ValueOf(registry_, series + R"({endpoint="main",result="mismatch",secret="none"})"), 1);
  EXPECT_EQ(ValueOf(registry_, series + R"({endpoint="main",result="valid",secret="primary"})"), 0);
}

TEST_F(EndpointsTest, CountTheirRequestsApart) {
  ExchangeObserver observer({"/main", "/connect"}, metrics_, in_flight_, clock_);
  http::Exchange exchange;
  exchange.method = "POST";
  exchange.status = 400;
  exchange.ending = http::Ending::kRefusedHead;
  for (const char* path : {"/connect", "/.env", "/connect"}) {
    exchange.path = path;
    observer.OnExchange(exchange);
  }
  const std::string series = "keystrand_http_requests_total";
  EXPECT_EQ(ValueOf(registry_, series + R"({code="400",endpoint="connect",handler="stripe",method="POST"})"), 2);
  EXPECT_EQ(ValueOf(registry_, series + R"({code="400",endpoint="main",handler="stripe",method="POST"})"), 0);
  EXPECT_EQ(ValueOf(registry_, series + R"({code="400",endpoint="other",handler="other",method="POST"})"), 1);
}

TEST_F(EndpointsTest, TurnADeliveryAwayByItsHeadWhileKafkaDoesNotKeepUp) {
  backlog_.bytes = 10'000'000;
  EXPECT_EQ(Deliver("/main", kPrimary), 503);
  EXPECT_EQ(gate_.times_full(), 1u);
  backlog_ = {6s, 0, {}};
  EXPECT_EQ(Deliver("/main", kPrimary), 0);  // the probe
  EXPECT_EQ(Deliver("/main", kPrimary), 503);
  EXPECT_EQ(publisher_.waiting(), 1u);
}

}  // namespace
}  // namespace keystrand::receiver
