#include "common/records/event_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/stripe/sha256.h"

namespace keystrand::records {
namespace {

using testing::ElementsAre;

constexpr Intake kIntake{"main", "live", "acct_own"};
constexpr std::chrono::sys_seconds kNow{std::chrono::seconds(1'800'000'000)};

Reception AReception() {
  return {"0123456789abcdef0123456789abcdef", NewTraceparent(), kNow + std::chrono::milliseconds(7),
          SignedWith::kPrimary};
}

std::vector<std::pair<std::string, std::string>> HeadersOf(const EventRecord& event) {
  std::vector<std::pair<std::string, std::string>> headers;
  for (const auto& header : event.record.headers) headers.emplace_back(header.name, header.value);
  return headers;
}

TEST(EventRecord, CarriesTheBodyTheKeyAndAllHeaders) {
  const std::string body =
      R"({"id":"evt_1","object":"event","type":"invoice.paid","livemode":true,"created":1799999999,)"
      R"("data":{"object":{"id":"in_1","object":"invoice","customer":"cus_1"}}})";
  const Reception reception = AReception();
  const EventRecord event = MakeEventRecord(kIntake, reception, body);
  EXPECT_EQ(event.record.value, body);
  EXPECT_EQ(event.record.key, "live/self/cus_1");
  EXPECT_EQ(event.event_id, "evt_1");
  EXPECT_EQ(event.event_type, "invoice.paid");
  EXPECT_TRUE(event.livemode);
  EXPECT_EQ(event.created, 1'799'999'999);
  EXPECT_THAT(HeadersOf(event),
              ElementsAre(std::pair("event-id", "evt_1"), std::pair("event-type", "invoice.paid"),
                          std::pair("received-at", "1800000000007"), std::pair("request-id", reception.request_id),
                          std::pair("endpoint", "main"), std::pair("expected-mode", "live"),
                          std::pair("body-sha256", stripe::Sha256Hex(body)), std::pair("signed-with", "primary"),
                          std::pair("traceparent", reception.traceparent)));
}

TEST(EventRecord, CountsTheOwnAccountAsSelf) {
  const std::string body = R"({"id":"evt_1","object":"event","type":"t","livemode":false,"account":"acct_own",)"
                           R"("data":{"object":{"id":"cus_1","object":"customer"}}})";
  EXPECT_EQ(MakeEventRecord(kIntake, AReception(), body).record.key, "test/self/cus_1");
}

TEST(EventRecord, PutsAnUnreadableBodyUnderAKeyOfItsOwn) {
  const std::string body = "\xFF{not json";
  const EventRecord event = MakeEventRecord(kIntake, AReception(), body);
  EXPECT_EQ(event.record.value, body);
  EXPECT_EQ(event.record.key, "unreadable/main/" + stripe::Sha256Hex(body).substr(0, 16));
  EXPECT_EQ(event.event_id, "");
  for (const auto& [name, value] : HeadersOf(event)) {
    EXPECT_NE(name, "event-id");
    EXPECT_NE(name, "event-type");
  }
  EXPECT_EQ(event.record.headers.size(), 7u);
}

TEST(EventRecord, TellsWhichSecretMatched) {
  using Header = std::pair<std::string, std::string>;
  Reception reception = AReception();
  reception.signed_with = SignedWith::kSecondary;
  EXPECT_THAT(HeadersOf(MakeEventRecord(kIntake, reception, "{}")),
              testing::Contains(Header("signed-with", "secondary")));
  reception.signed_with = SignedWith::kNothing;
  EXPECT_THAT(HeadersOf(MakeEventRecord(kIntake, reception, "{}")), testing::Contains(Header("signed-with", "none")));
}

TEST(Traceparent, IsOfANewTraceEachTime) {
  const std::string one = NewTraceparent();
  EXPECT_THAT(one, testing::ContainsRegex("^00-[0-9a-f]{32}-[0-9a-f]{16}-01$"));
  EXPECT_NE(TraceIdOf(one), TraceIdOf(NewTraceparent()));
  EXPECT_EQ(TraceIdOf(one), one.substr(3, 32));
}

}  // namespace
}  // namespace keystrand::records
