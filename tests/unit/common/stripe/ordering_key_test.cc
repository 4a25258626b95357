#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "common/stripe/envelope.h"
#include "stripe_data.h"

namespace keystrand::stripe {
namespace {

std::string KeyOf(std::string_view type, const JsonNode& object, std::string_view extra = "") {
  const auto event = ParseEnvelope(EventAround(type, ToText(object), extra), "");
  return event ? event->ordering_key : "(" + event.error().detail + ")";
}

JsonNode Expanded(std::string_view id) {
  return ReadJsonTree(R"({"id":")" + std::string(id) + R"(","object":"customer","deleted":true})").value();
}

/// An example without anything that an ordering key is made of, but for its id where the type has one.
JsonNode Bare(const EventTypeRow& row, const std::string& kind) {
  JsonNode object = ExampleObject(kind);
  for (const char* key : {"customer", "customer_account", "payment_intent", "charge", "invoice"}) {
    Set(object, key, JsonNull());
  }
  Remove(object, "id");
  if (row.object_has_id) Set(object, "id", JsonString("obj_1"));
  return object;
}

std::vector<std::string> FallbackChain(const std::string& cell) {
  if (cell == "-") return {};
  if (cell == "id (= event.account)") return {"id"};
  std::vector<std::string> chain;
  std::size_t begin = 0;
  for (std::size_t at = cell.find(" > "); at != std::string::npos; at = cell.find(" > ", begin)) {
    chain.push_back(cell.substr(begin, at - begin));
    begin = at + 3;
  }
  chain.push_back(cell.substr(begin));
  return chain;
}

/// Checks the columns of one line against what the parser makes of an example object of that kind.
void CheckRow(const EventTypeRow& row, const std::string& kind) {
  const JsonNode bare = Bare(row, kind);
  if (row.customer_path.starts_with("customer")) {
    JsonNode object = bare;
    for (const char* key : {"payment_intent", "charge", "invoice"}) Set(object, key, JsonString("other"));
    Set(object, "customer", JsonString("cus_1"));
    EXPECT_EQ(KeyOf(row.type, object), "test/self/cus_1");
    Set(object, "customer", Expanded("cus_2"));
    EXPECT_EQ(KeyOf(row.type, object), "test/self/cus_2");
  }
  if (row.customer_path == "id") {
    EXPECT_EQ(KeyOf(row.type, bare), "test/self/obj_1");
  }
  for (const std::string& step : FallbackChain(row.fallback_key)) {
    if (step == "event.account") {
      EXPECT_EQ(KeyOf(row.type, bare, R"("account":"acct_1",)"), "test/acct_1/acct_1");
    } else if (step == "id") {
      EXPECT_EQ(KeyOf(row.type, bare), row.object_has_id ? "test/self/obj_1" : "test/self/" + kind);
    } else if (step == "data.object.object") {
      EXPECT_EQ(KeyOf(row.type, bare), "test/self/" + kind);
    } else {
      JsonNode object = bare;
      Set(object, step, JsonString(step + "_1"));
      EXPECT_EQ(KeyOf(row.type, object), "test/self/" + step + "_1");
    }
  }
}

TEST(OrderingKeyTest, FollowsTheTableOfEventTypes) {
  std::set<std::string> types;
  for (const EventTypeRow& row : ReadEventTypeRows()) {
    SCOPED_TRACE(row.type);
    types.insert(row.type);
    for (const std::string& kind : row.object_kinds) CheckRow(row, kind);
  }
  EXPECT_EQ(types.size(), 275U);
}

/// Members of data.object, and what the key ends in; the object's own id is "obj_1", its kind "invoice".
struct Case {
  const char* name;
  const char* members;
  const char* key_id;
};

const Case kCases[] = {
    {"CustomerComesFirst", R"("customer":"cus_1","customer_account":"acct_1","payment_intent":"pi_1")", "cus_1"},
    {"CustomerAccountActsAsCustomer", R"("customer":null,"customer_account":"acct_1","payment_intent":"pi_1")",
     "acct_1"},
    {"PaymentIntentGroupsAPayment", R"("payment_intent":"pi_1","charge":"ch_1","invoice":"in_1")", "pi_1"},
    {"ThenTheCharge", R"("payment_intent":null,"charge":"ch_1","invoice":"in_1")", "ch_1"},
    {"ThenTheInvoice", R"("charge":null,"invoice":"in_1")", "in_1"},
    {"ExpandedObjectsStandForTheirIds", R"("payment_intent":{"object":"payment_intent","amount":1,"id":"pi_1"})",
     "pi_1"},
    {"IdsDeeperInsideDoNotCount", R"("customer":{"sources":{"id":"x"},"id":"cus_1","address":{"id":"y"}})", "cus_1"},
    {"NumberIsPassedOver", R"("customer":7)", "obj_1"},
    {"BooleanIsPassedOver", R"("customer":true)", "obj_1"},
    {"ArrayIsPassedOver", R"("customer":["cus_1",{"id":"cus_2"}])", "obj_1"},
    {"EmptyStringIsPassedOver", R"("customer":"","charge":"ch_1")", "ch_1"},
    {"ObjectWithoutIdIsPassedOver", R"("customer":{"object":"customer"})", "obj_1"},
    {"ObjectWithNumberForIdIsPassedOver", R"("customer":{"id":5})", "obj_1"},
};

class OrderingKeyRuleTest : public testing::TestWithParam<Case> {};

TEST_P(OrderingKeyRuleTest, Holds) {
  const std::string object = std::string(R"({"id":"obj_1","object":"invoice",)") + GetParam().members + "}";
  const auto event = ParseEnvelope(EventAround("invoice.updated", object), "");
  ASSERT_TRUE(event) << event.error().detail;
  EXPECT_EQ(event->ordering_key, std::string("test/self/") + GetParam().key_id);
}

INSTANTIATE_TEST_SUITE_P(Stripe, OrderingKeyRuleTest, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(OrderingKeyTest, LooksAtTheCustomerBeforeTheChange) {
  const std::string body =
      R"({"id":"evt_1","type":"payment_method.detached","livemode":false,"data":{"object":{"id":"pm_1",
          "object":"payment_method","customer":null},"previous_attributes":{"customer":"cus_1"}}})";
  EXPECT_EQ(ParseEnvelope(body, "").value().ordering_key, "test/self/cus_1");
}

TEST(OrderingKeyTest, FallsBackToKindThenEvent) {
  EXPECT_EQ(KeyOf("balance.available", ReadJsonTree(R"({"object":"balance"})").value()), "test/self/balance");
  EXPECT_EQ(KeyOf("new.thing", ReadJsonTree(R"({"id":7,"object":8})").value()), "test/self/evt_1");
}

TEST(OrderingKeyTest, KeepsACustomerUnderItsOwnId) {
  const auto customer =
      ReadJsonTree(R"({"object":"customer","customer":"cus_2","customer_account":"acct_1","id":"cus_1"})");
  EXPECT_EQ(KeyOf("customer.updated", *customer), "test/self/cus_1");
}

TEST(OrderingKeyTest, KeepsAnAccountUnderItsOwnId) {
  const JsonNode account = ReadJsonTree(R"({"object":"account","id":"acct_2"})").value();
  EXPECT_EQ(KeyOf("account.updated", account, R"("account":"acct_1",)"), "test/acct_1/acct_2");
}

TEST(OrderingKeyTest, KeepsTheOwnAccountsPartsUnderTheirIds) {
  const JsonNode capability = ReadJsonTree(R"({"id":"card_payments","object":"capability"})").value();
  EXPECT_EQ(KeyOf("capability.updated", capability), "test/self/card_payments");
  EXPECT_EQ(KeyOf("capability.updated", capability, R"("context":"acct_1",)"), "test/acct_1/acct_1");
}

}  // namespace
}  // namespace keystrand::stripe
