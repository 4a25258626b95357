#include "worker/handlers/mirror.h"

#include <gtest/gtest.h>

#include <forward_list>

namespace keystrand::worker::handlers {
namespace {

/// An event over `body`, which it points into.
Event Read(const std::string& body) {
  auto envelope = stripe::ParseEnvelope(body, "");
  EXPECT_TRUE(envelope) << envelope.error().detail;
  Event event;
  event.created = envelope->created.value_or(0);
  event.envelope = std::move(*envelope);
  return event;
}

std::string Body(const std::string& object, const std::string& type = "customer.updated", int created = 100) {
  return R"({"id":"evt_1","object":"event","livemode":true,"created":)" + std::to_string(created) + R"(,"type":")" +
         type + R"(","data":{"object":)" + object + "}}";
}

/// A body for as long as a test may look at what is a view of it.
const std::string& Kept(std::string body) {
  static std::forward_list<std::string> kept;
  return kept.emplace_front(std::move(body));
}

Verdict Apply(const Mirror& mirror, std::string body, UnitOfWork& work) {
  static std::forward_list<Event> kept;
  return mirror.Apply(kept.emplace_front(Read(Kept(std::move(body)))), work).value().verdict;
}

TEST(ObjectKeyTest, IsTheIdTheCustomerOrNothing) {
  const auto id_of = [](const std::string& object) {
    return std::string(ObjectKeyOf(Read(Kept(Body(object)))).value().id);
  };
  EXPECT_EQ(id_of(R"({"id":"cus_1","object":"customer"})"), "cus_1");
  EXPECT_EQ(id_of(R"({"object":"entitlements.active_entitlement_summary","customer":"cus_2"})"), "cus_2");
  EXPECT_EQ(id_of(R"({"object":"cash_balance","customer":"cus_3"})"), "cus_3");
  EXPECT_EQ(id_of(R"({"object":"balance"})"), "");
  EXPECT_FALSE(ObjectKeyOf(Read(Body(R"({"object":"invoice","customer":"cus_1"})"))));
  EXPECT_FALSE(ObjectKeyOf(Read(Body(R"({"object":"billing.alert_triggered","customer":"cus_1"})"))));
  EXPECT_FALSE(ObjectKeyOf(Read(Body("null"))));
}

TEST(MirrorTest, KeepsTheSnapshotAsItCame) {
  const Mirror mirror{MirrorPolicy{}};
  UnitOfWork work;
  const std::string object = R"({"id":"cus_1","object":"customer","balance":123456789012345678901234567890})";
  EXPECT_EQ(Apply(mirror, Body(object), work), Verdict::kApplied);
  const auto* row = work.objects.Find({"live/self", "customer", "cus_1"});
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->shown.data, object);
}

TEST(MirrorTest, ATerminalStateStaysWhateverComesLater) {
  const Mirror mirror{MirrorPolicy{}};
  UnitOfWork work;
  const std::string canceled = R"({"id":"sub_1","object":"subscription","status":"canceled"})";
  const std::string active = R"({"id":"sub_1","object":"subscription","status":"active"})";
  EXPECT_EQ(Apply(mirror, Body(canceled, "customer.subscription.deleted", 100), work), Verdict::kApplied);
  EXPECT_EQ(Apply(mirror, Body(active, "customer.subscription.updated", 900), work), Verdict::kStale);
  EXPECT_EQ(work.objects.Find({"live/self", "subscription", "sub_1"})->shown.data, canceled);
}

TEST(MirrorTest, KeepsTheGuardOfObjectsWhoseSnapshotsItLeavesOut) {
  const Mirror mirror{MirrorPolicy{false, {"invoice"}}};
  UnitOfWork work;
  const std::string object = R"({"id":"cus_1","object":"customer"})";
  EXPECT_EQ(Apply(mirror, Body(object, "customer.updated", 200), work), Verdict::kApplied);
  EXPECT_EQ(Apply(mirror, Body(object, "customer.updated", 100), work), Verdict::kStale);
  EXPECT_EQ(work.objects.Find({"live/self", "customer", "cus_1"})->shown.data, "");
}

/// What NeedObjectUnlessLower promises: a row of a lower rank changes nothing.
TEST(MirrorTest, DoesOverARowOfALowerRankWhatItDoesWithoutOne) {
  const Mirror mirror{MirrorPolicy{}};
  const auto invoice = [](const std::string& status) {
    return R"({"id":"in_1","object":"invoice","status":")" + status + R"("})";
  };
  const std::vector<std::string> rising = {
      Body(invoice("open"), "invoice.updated", 100), Body(invoice("open"), "invoice.updated", 200),
      Body(invoice("void"), "invoice.voided", 50), Body(invoice("void"), "invoice.updated", 60),
      Body(invoice("draft"), "invoice.deleted", 10)};
  for (std::size_t later = 0; later < rising.size(); ++later) {
    const Event event = Read(rising[later]);
    RowKeys keys;
    mirror.Need(event, keys);
    UnitOfWork bare;
    EXPECT_EQ(Apply(mirror, rising[later], bare), Verdict::kApplied);
    const auto& alone = *bare.objects.All().front();
    EXPECT_EQ(keys.objects.at(alone.key).unless_lower, RankOf(alone));
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      UnitOfWork work;
      Apply(mirror, rising[earlier], work);
      EXPECT_LT(RankOf(*work.objects.All().front()), RankOf(alone));
      EXPECT_EQ(Apply(mirror, rising[later], work), Verdict::kApplied);
      const auto& over = *work.objects.All().front();
      EXPECT_EQ(over.shown.data, alone.shown.data);
      EXPECT_EQ(over.candidates.size(), alone.candidates.size());
      EXPECT_EQ(RankOf(over), RankOf(alone));
    }
  }
}

}  // namespace
}  // namespace keystrand::worker::handlers
