#include "receiver/webhook_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/http/framing_policy.h"
#include "common/kafka/partitioner.h"
#include "delivery.h"
#include "fake_backlog.h"
#include "receiver/delivery_tag.h"

namespace keystrand::receiver {
namespace {

using namespace std::chrono_literals;
using metrics::DeliveryOutcome;
using testing::HasSubstr;

const std::string kEvent =
    R"({"id":"evt_1","object":"event","type":"invoice.paid","livemode":true,"created":1799999990,)"
    R"("data":{"object":{"id":"in_1","object":"invoice","customer":"cus_1"}}})";

class WebhookEndpointTest : public testing::Test {
 protected:
  WebhookEndpointTest() { EXPECT_TRUE(secrets_.Replace({kPrimary, kSecondary})); }

  /// Delivers `body` with these signature fields.
  void Deliver(const std::string& body, const std::vector<std::string>& signatures, const std::string& line = "") {
    bytes_ = (line.empty() ? "POST /webhooks/stripe HTTP/1.1" : line) +
             "\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
    for (const std::string& signature : signatures) bytes_ += "Stripe-Signature: " + signature + "\r\n";
    bytes_ += "\r\n";
    ASSERT_EQ(http::JudgeHead(bytes_, {}, head_).state, http::HeadState::kAccepted);
    endpoint_.Handle({head_, body, "0123456789abcdef0123456789abcdef", "192.0.2.1", {}}, http::Responder(sink_, 1));
  }
  void Deliver(const std::string& body) { Deliver(body, {Sign(body)}); }

  const FakeSink::Given& Answer() {
    EXPECT_EQ(sink_->answers.size(), 1u);
    static const FakeSink::Given kNone{};
    return sink_->answers.empty() ? kNone : sink_->answers.back();
  }
  [[nodiscard]] DeliveryOutcome Outcome() { return Unpack(Answer().outcome).outcome; }

  ManualClock clock_;
  metrics::Registry registry_;
  metrics::ReceiverMetrics metrics_{registry_};
  SigningSecrets secrets_{300s};
  FakePublisher publisher_;
  FakeBacklog backlog_;
  ProduceGate gate_{backlog_.Asked(), {5'000ms, 10'000'000}, clock_};
  Result<std::int32_t> partitions_ = 12;
  EventsInFlight in_flight_;
  WebhookEndpoint endpoint_{
      EndpointSettings{"main", 0, "/webhooks/stripe", "any", ""},
      {secrets_, publisher_, gate_, [this] { return partitions_; }, clock_, metrics_, in_flight_}};
  std::shared_ptr<FakeSink> sink_ = std::make_shared<FakeSink>();
  std::string bytes_;
  http::RequestHead head_;
};

TEST_F(WebhookEndpointTest, AnswersOnlyAfterTheDeliveryReport) {
  Deliver(kEvent);
  EXPECT_TRUE(sink_->answers.empty());
  const auto published = publisher_.Next();
  EXPECT_TRUE(sink_->answers.empty());
  published.report(kafka::Position{3, 17});
  EXPECT_EQ(Answer().status, 200);
  EXPECT_EQ(Outcome(), DeliveryOutcome::kAccepted);
  EXPECT_EQ(Unpack(Answer().outcome).event_type, metrics::EventTypeOf("invoice.paid"));
  EXPECT_EQ(Unpack(Answer().outcome).livemode, metrics::Livemode::kTrue);
  EXPECT_EQ(sink_->dropped, 0);
}

TEST_F(WebhookEndpointTest, PublishesTheBytesUnderTheCustomersKeyAndPartition) {
  Deliver(kEvent);
  const auto published = publisher_.Next();
  EXPECT_EQ(published.record.value, kEvent);
  EXPECT_EQ(published.record.key, "live/self/cus_1");
  EXPECT_EQ(published.record.partition, kafka::PartitionOf("live/self/cus_1", 12));
  EXPECT_EQ(published.HeaderValue("event-id"), "evt_1");
  EXPECT_EQ(published.HeaderValue("request-id"), "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(published.HeaderValue("received-at"), "1800000000000");
  EXPECT_EQ(published.HeaderValue("signed-with"), "primary");
  EXPECT_EQ(published.HeaderValue("endpoint"), "main");
}

TEST_F(WebhookEndpointTest, QueuesWhateverIsSignedWhateverItContains) {
  for (const std::string& body :
       std::vector<std::string>{"{}", "[]", "null", "\"text\"", "{\"id\":", "\xEF\xBB\xBF{}", "\xFF", " ",
                                R"({"id":1,"type":"x","livemode":true})", R"({"id":"evt_1","type":"unknown.type"})"}) {
    Deliver(body);
    const auto published = publisher_.Next();
    EXPECT_EQ(published.record.value, body);
    EXPECT_THAT(published.record.key, testing::StartsWith("unreadable/main/"));
    EXPECT_EQ(published.HeaderValue("event-id"), std::nullopt);
    published.report(kafka::Position{});
    EXPECT_EQ(Answer().status, 200);
    sink_->answers.clear();
  }
}

struct ForgedCase {
  const char* name;
  std::vector<std::string> signatures;
  const char* metric;
};
std::string NameOfForged(const testing::TestParamInfo<ForgedCase>& info) { return info.param.name; }
class ForgedDelivery : public WebhookEndpointTest, public testing::WithParamInterface<ForgedCase> {};

TEST_P(ForgedDelivery, IsAnsweredLikeAnyOtherAndNeverQueued) {
  Deliver(kEvent, GetParam().signatures);
  EXPECT_EQ(Answer().status, 400);
  EXPECT_EQ(Answer().body, R"({"error":"invalid_signature"})");
  EXPECT_EQ(Outcome(), DeliveryOutcome::kRejectedSignature);
  EXPECT_EQ(publisher_.waiting(), 0u);
  EXPECT_EQ(ValueOf(registry_, std::string("keystrand_signature_verifications_total{result=\"") + GetParam().metric +
                                   "\",secret=\"none\"}"),
            1);
}

const ForgedCase kForged[] = {
    {"WithoutSignature", {}, "missing_header"},
    {"WithAnEmptySignature", {""}, "missing_header"},
    {"WithTwoSignatureFields", {Sign(kEvent), Sign(kEvent)}, "malformed_header"},
    {"WithoutV1", {"t=1800000000"}, "malformed_header"},
    {"WithAnotherBodysSignature", {Sign(kEvent + " ")}, "mismatch"},
    {"WithAnUnknownSecret", {Sign(kEvent, "whsec_invented_for_tests_unknown")}, "mismatch"},
    {"Signed301SecondsAgo", {Sign(kEvent, kPrimary, -301s)}, "timestamp_outside_tolerance"},
    {"Signed301SecondsAhead", {Sign(kEvent, kPrimary, 301s)}, "timestamp_outside_tolerance"},
};
INSTANTIATE_TEST_SUITE_P(Signature, ForgedDelivery, testing::ValuesIn(kForged), NameOfForged);

TEST_F(WebhookEndpointTest, AcceptsTheSecretThatIsBeingRolledOut) {
  Deliver(kEvent, {Sign(kEvent, kSecondary, -300s)});
  EXPECT_EQ(publisher_.Next().HeaderValue("signed-with"), "secondary");
  EXPECT_EQ(ValueOf(registry_, R"(keystrand_signature_verifications_total{result="valid",secret="secondary"})"), 1);
}

TEST_F(WebhookEndpointTest, RefusesAnEmptyBody) {
  Deliver("", {Sign("")});
  EXPECT_EQ(Answer().status, 400);
}

TEST_F(WebhookEndpointTest, AsksForARetryWhenKafkaFails) {
  for (const ErrorCode code : {ErrorCode::kUnavailable, ErrorCode::kRejected, ErrorCode::kInternal}) {
    Deliver(kEvent);
    publisher_.Next().report(Fail(code, "produce: _MSG_TIMED_OUT"));
    EXPECT_EQ(Answer().status, 503);
    EXPECT_THAT(Answer().head, HasSubstr("Retry-After: "));
    EXPECT_EQ(Outcome(), DeliveryOutcome::kFailedQueueError);
    sink_->answers.clear();
  }
}

TEST_F(WebhookEndpointTest, DoesNotProduceToATopicItCannotTrust) {
  partitions_ = Fail(ErrorCode::kMisdeployed, "topic keystrand.events has 13 partitions, it had 12");
  Deliver(kEvent);
  EXPECT_EQ(Answer().status, 503);
  EXPECT_EQ(publisher_.waiting(), 0u);
}

TEST_F(WebhookEndpointTest, ProducesOnlyAProbeASecondWhileKafkaDoesNotAcknowledge) {
  backlog_.oldest = 6s;
  for (int i = 0; i < 5; ++i) Deliver(kEvent);
  EXPECT_EQ(publisher_.waiting(), 1u);
  EXPECT_EQ(sink_->answers.size(), 4u);
  for (const auto& answer : sink_->answers) {
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(Unpack(answer.outcome).outcome, DeliveryOutcome::kFailedOverloaded);
  }
}

TEST_F(WebhookEndpointTest, SpendsNoProbeOnAForgery) {
  backlog_.oldest = 6s;
  Deliver(kEvent, {"t=1,v1=00"});
  Deliver(kEvent);
  EXPECT_EQ(publisher_.waiting(), 1u);
}

TEST_F(WebhookEndpointTest, DoesNotFillTheQueueBeyondItsBound) {
  backlog_.bytes = 10'000'000;
  Deliver(kEvent);
  EXPECT_EQ(Answer().status, 503);
  EXPECT_EQ(Outcome(), DeliveryOutcome::kFailedQueueFull);
}

TEST_F(WebhookEndpointTest, DoesNotAcceptAnEventThatWasGivenUp) {
  Deliver(kEvent);
  const auto given_up = in_flight_.GiveUp("0123456789abcdef0123456789abcdef");
  ASSERT_TRUE(given_up);
  EXPECT_EQ(given_up->event_id, "evt_1");
  EXPECT_EQ(given_up->event_type, "invoice.paid");
  EXPECT_EQ(given_up->trace_id.size(), 32u);
  publisher_.Next().report(kafka::Position{});
  EXPECT_TRUE(sink_->answers.empty());
  EXPECT_EQ(ValueOf(registry_, "keystrand_source_delay_seconds_count"), 0);
}

TEST_F(WebhookEndpointTest, CountsHowLateAnEventComes) {
  Deliver(kEvent);
  publisher_.Next().report(kafka::Position{});
  EXPECT_EQ(ValueOf(registry_, "keystrand_source_delay_seconds_sum"), 10);
}

struct HeadCase {
  const char* name;
  const char* line;
  int status;
};
std::string NameOfHead(const testing::TestParamInfo<HeadCase>& info) { return info.param.name; }
class HeadOf : public WebhookEndpointTest, public testing::WithParamInterface<HeadCase> {};

TEST_P(HeadOf, IsJudgedBeforeTheBody) {
  const std::string bytes = std::string(GetParam().line) + " HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
  ASSERT_EQ(http::JudgeHead(bytes, {}, head_).state, http::HeadState::kAccepted);
  const auto refusal = endpoint_.Admit(head_);
  EXPECT_EQ(refusal ? refusal->response.status() : 200, GetParam().status);
}

const HeadCase kHeads[] = {
    {"Post", "POST /webhooks/stripe", 200},
    {"PostWithAQuery", "POST /webhooks/stripe?version=2", 200},
    {"Get", "GET /webhooks/stripe", 405},
    {"Put", "PUT /webhooks/stripe", 405},
    {"Delete", "DELETE /webhooks/stripe", 405},
    {"Head", "HEAD /webhooks/stripe", 405},
    {"Trace", "TRACE /webhooks/stripe", 405},
    {"Options", "OPTIONS /webhooks/stripe", 405},
    {"LowerCasePost", "post /webhooks/stripe", 405},
    {"UnknownMethod", "FOO /webhooks/stripe", 405},
    {"UnknownPath", "POST /", 404},
    {"PathWithASlashMore", "POST /webhooks/stripe/", 404},
    {"PathInAnotherCase", "POST /Webhooks/stripe", 404},
    {"DottedPath", "POST /webhooks/../webhooks/stripe", 404},
    {"EncodedPath", "POST /webhooks%2Fstripe", 404},
    {"AbsoluteTarget", "POST http://other.example/webhooks/stripe", 404},
};
INSTANTIATE_TEST_SUITE_P(Route, HeadOf, testing::ValuesIn(kHeads), NameOfHead);

TEST(DeliveryTag, PacksAndUnpacks) {
  const DeliveryTag tag{DeliveryOutcome::kRejectedSignature, metrics::kOtherEventType, metrics::Livemode::kTrue,
                        stripe::SignatureFailure::kTimestampInFuture};
  const DeliveryTag back = Unpack(Pack(tag));
  EXPECT_EQ(back.outcome, tag.outcome);
  EXPECT_EQ(back.event_type, tag.event_type);
  EXPECT_EQ(back.livemode, tag.livemode);
  EXPECT_EQ(back.failure, tag.failure);
  EXPECT_NE(Pack({DeliveryOutcome::kAccepted, metrics::EventType{0}, {}, {}}), 0u);
}

}  // namespace
}  // namespace keystrand::receiver
