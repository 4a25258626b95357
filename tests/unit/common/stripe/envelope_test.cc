#include "common/stripe/envelope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stripe_data.h"

namespace keystrand::stripe {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;

constexpr std::string_view kCustomer = R"({"id":"cus_1","object":"customer"})";

std::string KeyOf(std::string_view body, std::string_view own_account = "") {
  const auto event = ParseEnvelope(body, own_account);
  return event ? event->ordering_key : "(" + event.error().detail + ")";
}

/// The key of an event about a customer, with `extra` members in front.
std::string KeyWith(std::string_view extra, std::string_view own_account = "") {
  return KeyOf(EventAround("customer.updated", kCustomer, extra), own_account);
}

auto Monotone(std::string_view name, std::int64_t value) {
  return AllOf(Field(&MonotoneValue::name, name), Field(&MonotoneValue::value, value));
}

TEST(EnvelopeTest, TakesWhatTheProgramsNeed) {
  const std::string body = R"( {
    "id": "evt_1", "object": "event", "api_version": "2026-10-28.endive", "created": 1767225600,
    "data": {
      "object": {"id": "in_1", "object": "invoice", "customer": "cus_1", "status": "open", "attempt_count": 2,
                 "lines": {"data": [{"id": "il_1", "object": "line_item", "customer": "cus_2", "status": "x"}]},
                 "status_transitions": {"finalized_at": 1767225500, "paid_at": null, "voided_at": 1767225501}},
      "previous_attributes": {"status": "draft", "customer": "cus_3"}
    },
    "livemode": true, "pending_webhooks": 1, "request": {"id": "req_1", "idempotency_key": null}, "type": "invoice.updated" } )";
  const auto event = ParseEnvelope(body, "");
  ASSERT_TRUE(event) << event.error().detail;
  EXPECT_EQ(event->kind, EventKind::kSnapshot);
  EXPECT_EQ(event->id, "evt_1");
  EXPECT_EQ(event->type, "invoice.updated");
  EXPECT_TRUE(event->livemode);
  EXPECT_EQ(event->account, "self");
  EXPECT_EQ(event->scope, "live/self");
  EXPECT_EQ(event->ordering_key, "live/self/cus_1");
  EXPECT_EQ(event->created, 1767225600);
  EXPECT_EQ(event->api_version, "2026-10-28.endive");
  EXPECT_EQ(event->object_kind, "invoice");
  EXPECT_EQ(event->object_id, "in_1");
  EXPECT_EQ(event->customer, "cus_1");
  EXPECT_EQ(event->status, "open");
  EXPECT_EQ(event->payment_status, "");
  EXPECT_THAT(event->monotone,
              ElementsAre(Monotone("attempt_count", 2), Monotone("status_transitions.finalized_at", 1767225500),
                          Monotone("status_transitions.voided_at", 1767225501)));
  EXPECT_EQ(event->object_json, body.substr(body.find("{\"id\": \"in_1\""), event->object_json.size()));
  EXPECT_TRUE(event->object_json.ends_with("1767225501}}"));
  EXPECT_EQ(event->previous_attributes_json, R"({"status": "draft", "customer": "cus_3"})");
  EXPECT_EQ(event->object_json.data(), body.data() + body.find("{\"id\": \"in_1\"")) << "a view into the body";
  EXPECT_FALSE(event->has_nul_escape);
}

TEST(EnvelopeTest, GivesTheExactBytesOfEveryExampleObject) {
  for (const EventTypeRow& row : ReadEventTypeRows()) {
    for (const std::string& kind : row.object_kinds) {
      const std::string object = ToText(ExampleObject(kind));
      const std::string body = EventAround(row.type, object);
      const auto event = ParseEnvelope(body, "");
      ASSERT_TRUE(event) << row.type << ": " << event.error().detail;
      ASSERT_EQ(event->object_json, object) << row.type;
      ASSERT_EQ(event->object_kind, kind);
    }
  }
}

TEST(EnvelopeTest, HasNoObjectTextWhereThereIsNoObject) {
  for (const char* object : {"null", "[]", "\"cus_1\"", "7", "true"}) {
    const std::string body = EventAround("ping", object);
    const auto event = ParseEnvelope(body, "");
    ASSERT_TRUE(event) << object;
    EXPECT_EQ(event->object_json, "");
    EXPECT_EQ(event->ordering_key, "test/self/evt_1");
  }
}

TEST(EnvelopeTest, NeedsNoMemberThatItCanDoWithout) {
  const std::string body = R"({"id":"evt_1","type":"ping","livemode":false})";
  const auto event = ParseEnvelope(body, "");
  ASSERT_TRUE(event) << event.error().detail;
  EXPECT_EQ(event->ordering_key, "test/self/evt_1");
  EXPECT_EQ(event->created, std::nullopt);
}

TEST(EnvelopeTest, KeepsIntegersExactAndLeavesOutWhatIsNone) {
  const auto monotone_of = [](std::string_view number) {
    const std::string object = R"({"object":"charge","amount_refunded":)" + std::string(number) + "}";
    return ParseEnvelope(EventAround("charge.updated", object), "").value().monotone;
  };
  EXPECT_THAT(monotone_of("9223372036854775807"), ElementsAre(Monotone("amount_refunded", 9223372036854775807)));
  EXPECT_THAT(monotone_of("9007199254740993"), ElementsAre(Monotone("amount_refunded", 9007199254740993)));
  EXPECT_THAT(monotone_of("-1"), ElementsAre(Monotone("amount_refunded", -1)));
  EXPECT_THAT(monotone_of("0"), ElementsAre(Monotone("amount_refunded", 0)));
  for (const char* number : {"9223372036854775808", "1.5", "1e2", "\"100\"", "null", "1e400", "[1]"}) {
    EXPECT_THAT(monotone_of(number), ElementsAre()) << number;
  }
}

TEST(EnvelopeTest, ReadsEscapedNamesLikePlainOnes) {
  const std::string body = EventAround("customer.updated", R"({"\u0069d":"cus_\u0031","\u006fbject":"custome\u0072"})");
  EXPECT_EQ(KeyOf(body), "test/self/cus_1");
}

TEST(EnvelopeTest, SeesNulEscapesWhereTheTablesWouldMeetThem) {
  const auto seen = [](std::string_view object, std::string_view extra = "") {
    return ParseEnvelope(EventAround("customer.updated", object, extra), "").value().has_nul_escape;
  };
  EXPECT_TRUE(seen(R"({"id":"cus_1","object":"customer","name":"a\u0000b"})"));
  EXPECT_TRUE(seen(R"({"id":"cus_1","object":"customer","metadata":{"deep":[{"\u0000":1}]}})"));
  EXPECT_FALSE(seen(R"({"id":"cus_1","object":"customer","name":"a\\u0000b"})")) << "an escaped backslash";
  EXPECT_FALSE(seen(kCustomer, R"("note":"\u0000",)")) << "outside the object";
  EXPECT_FALSE(seen(kCustomer, R"("notes":{"deep":{"er":["\u0000"]}},)")) << "outside the object, as deep as inside";
  const std::string previous =
      R"({"id":"evt_1","type":"x","livemode":true,"data":{"previous_attributes":{"n":"\u0000"}}})";
  EXPECT_TRUE(ParseEnvelope(previous, "").value().has_nul_escape);
}

TEST(EnvelopeTest, ReplacesNulInItsStrings) {
  const std::string body =
      EventAround("invoice.updated", R"({"id":"in_\u0000","object":"in\u0000voice","customer":"cus_1"})");
  const auto event = ParseEnvelope(body, "");
  ASSERT_TRUE(event) << event.error().detail;
  EXPECT_EQ(event->object_id, "in_\uFFFD");
  EXPECT_EQ(event->object_kind, "in\uFFFDvoice");
}

TEST(ScopeTest, KeepsEqualCustomersOfTwoAccountsApart) {
  EXPECT_EQ(KeyWith(R"("account":"acct_1",)"), "test/acct_1/cus_1");
  EXPECT_EQ(KeyWith(R"("account":"acct_2",)"), "test/acct_2/cus_1");
  EXPECT_EQ(KeyWith(""), "test/self/cus_1");
}

TEST(ScopeTest, KeepsLiveAndTestModeApart) {
  EXPECT_EQ(KeyOf(R"({"id":"evt_1","type":"ping","livemode":true})"), "live/self/evt_1");
  EXPECT_EQ(KeyOf(R"({"id":"evt_1","type":"ping","livemode":false})"), "test/self/evt_1");
}

TEST(ScopeTest, FindsTheAccountInTheContext) {
  EXPECT_EQ(KeyWith(R"("context":"acct_1",)"), "test/acct_1/cus_1");
  EXPECT_EQ(KeyWith(R"("context":"org_1/acct_1",)"), "test/acct_1/cus_1");
  EXPECT_EQ(KeyWith(R"("context":"org_1/acct_1/acct_2",)"), "test/acct_2/cus_1");
  EXPECT_EQ(KeyWith(R"("context":"acct_1/",)"), "test/acct_1/cus_1");
  EXPECT_EQ(KeyWith(R"("context":"org_1",)"), "test/self/cus_1");
  EXPECT_EQ(KeyWith(R"("context":"",)"), "test/self/cus_1");
  EXPECT_EQ(KeyWith(R"("context":null,)"), "test/self/cus_1");
  EXPECT_EQ(KeyWith(R"("account":"acct_1","context":"acct_2",)"), "test/acct_1/cus_1") << "account comes first";
  EXPECT_EQ(KeyWith(R"("account":null,"context":"acct_2",)"), "test/acct_2/cus_1");
}

TEST(ScopeTest, CallsTheOwnAccountSelf) {
  EXPECT_EQ(KeyWith(R"("account":"acct_1",)", "acct_1"), "test/self/cus_1");
  EXPECT_EQ(KeyWith(R"("context":"org_1/acct_1",)", "acct_1"), "test/self/cus_1");
  EXPECT_EQ(KeyWith(R"("account":"acct_2",)", "acct_1"), "test/acct_2/cus_1");
}

TEST(ThinEventTest, HasItsOwnShape) {
  const std::string body =
      R"({"id":"evt_1","object":"v2.core.event","type":"v2.core.account[configuration.customer].updated",
      "created":"2026-10-28T06:20:52.123456Z","livemode":true,"context":"org_1/acct_1",
      "related_object":{"id":"acct_9","type":"v2.core.account","url":"/v2/core/accounts/acct_9"},
      "data":{"object":{"id":"cus_1","object":"customer"}}})";
  const auto event = ParseEnvelope(body, "");
  ASSERT_TRUE(event) << event.error().detail;
  EXPECT_EQ(event->kind, EventKind::kThin);
  EXPECT_EQ(event->ordering_key, "live/acct_1/acct_9");
  EXPECT_EQ(event->created, 1793168452);
  EXPECT_EQ(event->object_kind, "v2.core.account");
  EXPECT_EQ(event->object_id, "acct_9");
  EXPECT_EQ(event->object_json, "") << "a thin event carries no object";
}

TEST(ThinEventTest, FallsBackToItsOwnId) {
  for (const char* related : {"", R"("related_object":null,)", R"("related_object":{},)", R"("related_object":[],)",
                              R"("related_object":{"id":null,"type":"customer"},)", R"("related_object":{"id":""},)"}) {
    const std::string body =
        std::string(R"({"object":"v2.core.event",)") + related +
        R"("id":"evt_1","livemode":false,"created":"soon","type":"v1.billing.meter.no_meter_found"})";
    const auto event = ParseEnvelope(body, "");
    ASSERT_TRUE(event) << event.error().detail;
    EXPECT_EQ(event->ordering_key, "test/self/evt_1") << related;
    EXPECT_EQ(event->created, std::nullopt);
  }
}

TEST(UnreadableKeyTest, NamesTheEndpointAndTheBody) {
  EXPECT_EQ(UnreadableKey("default", ""), "unreadable/default/e3b0c44298fc1c14");
  EXPECT_EQ(UnreadableKey("connect", "abc"), "unreadable/connect/ba7816bf8f01cfea");
}

}  // namespace
}  // namespace keystrand::stripe
