#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tests/bench/workload/digest.h"
#include "tests/bench/workload/event_plan.h"
#include "tests/bench/workload/event_template.h"
#include "tests/bench/workload/zipf.h"

namespace keystrand::bench {
namespace {

TEST(ZipfSamplerTest, RanksFollowThePowerLaw) {
  const ZipfSampler zipf(3, 1.0);  // weights 1, 1/2, 1/3: edges at 6/11 and 9/11
  EXPECT_EQ(zipf.Rank(0.0), 0U);
  EXPECT_EQ(zipf.Rank(6.0 / 11 - 1e-9), 0U);
  EXPECT_EQ(zipf.Rank(6.0 / 11 + 1e-9), 1U);
  EXPECT_EQ(zipf.Rank(9.0 / 11 - 1e-9), 1U);
  EXPECT_EQ(zipf.Rank(9.0 / 11 + 1e-9), 2U);
  EXPECT_EQ(zipf.Rank(std::nextafter(1.0, 0.0)), 2U);
}

WorkloadShape Shape() { return {.deliveries = 50'000, .customers = 1'000}; }

TEST(EventPlanTest, IsTheSameForTheSameSeedOnly) {
  WorkloadShape other = Shape();
  other.seed = 2;
  EXPECT_EQ(PlanDeliveries(Shape()), PlanDeliveries(Shape()));
  EXPECT_NE(PlanDeliveries(Shape()), PlanDeliveries(other));
}

TEST(EventPlanTest, RepeatsTheAskedShareOfDeliveries) {
  const PlanSummary summary = Summarize(PlanDeliveries(Shape()));
  const auto duplicates = static_cast<double>(summary.deliveries - summary.events);
  EXPECT_NEAR(duplicates / static_cast<double>(summary.deliveries), 0.05, 0.005);
}

TEST(EventPlanTest, TheBusiestCustomerHasItsShareOfZipf) {
  WorkloadShape shape = Shape();
  shape.customers = 10'000;
  double weights = 0;
  for (int rank = 1; rank <= 10'000; ++rank) weights += std::pow(rank, -1.1);
  const PlanSummary summary = Summarize(PlanDeliveries(shape));
  const auto share = static_cast<double>(summary.busiest_customer_deliveries) / static_cast<double>(summary.deliveries);
  EXPECT_NEAR(share, 1 / weights, 0.01);
}

TEST(EventPlanTest, AnObjectKeepsItsCustomerAndHasAFewEventsInOrderOfCreation) {
  struct Object {
    std::uint32_t customer;
    std::uint32_t newest;
    std::size_t events;
  };
  std::map<std::uint32_t, Object> objects;
  std::set<std::uint32_t> serials;
  for (const PlannedEvent& event : PlanDeliveries(Shape())) {
    if (!serials.insert(event.serial).second) continue;  // a duplicate
    const auto [object, fresh] = objects.try_emplace(event.object, Object{event.customer, event.serial, 0});
    EXPECT_EQ(object->second.customer, event.customer);
    EXPECT_GE(event.serial, object->second.newest);
    object->second.newest = event.serial;
    EXPECT_LE(++object->second.events, 3U);
  }
  EXPECT_EQ(*serials.rbegin() + 1, serials.size()) << "serials have gaps";
}

const RunIdentity kRun{.tag = "run00042",
                       .first_created = std::chrono::sys_seconds(std::chrono::seconds(1'790'000'000))};

TEST(PlanDeliveriesTest, AHotCustomerGetsItsShareBesidesWhatZipfGivesIt) {
  WorkloadShape shape{.deliveries = 20'000, .duplicate_share = 0};
  const auto usual = Summarize(PlanDeliveries(shape));
  shape.hot_share = 0.5;
  const auto plan = PlanDeliveries(shape);
  const auto hot = static_cast<std::size_t>(
      std::count_if(plan.begin(), plan.end(), [](const PlannedEvent& event) { return event.customer == 0; }));
  const auto expected = 10'000 + usual.busiest_customer_deliveries / 2;
  EXPECT_NEAR(static_cast<double>(hot), static_cast<double>(expected), 500);
}

constexpr char kTemplate[] =
    R"({"id": "evt_aaaaaaaaaaaaaaaaaa", "created": 1000000000, "data": {"object": {"id": "ch_bbbbbbbbbbbbbbbb",)"
    R"( "customer": "cus_cccccccc", "payment_intent": "pi_dddddddddddddddd", "receipt": "batch_keep"}}, "type": "charge.succeeded"})";

TEST(EventTemplateTest, VariesExactlyTheIdsAndTheTime) {
  const auto event = EventTemplate::Parse(kTemplate);
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(
      event->Render({.serial = 1500, .customer = 7, .object = 12}, kRun),
      R"({"id": "evt_run000420000001500", "created": 1790000003, "data": {"object": {"id": "ch_run0004200000012",)"
      R"( "customer": "cus_00000007", "payment_intent": "pi_run0004200000012", "receipt": "batch_keep"}}, "type": "charge.succeeded"})");
  EXPECT_EQ(event->type(), "charge.succeeded");
  EXPECT_EQ(event->EventId({.serial = 1500}, kRun), "evt_run000420000001500");
  EXPECT_EQ(event->CustomerId({.customer = 7}, kRun), "cus_00000007");
}

TEST(EventTemplateTest, RefusesATemplateThatCannotBeVaried) {
  EXPECT_FALSE(EventTemplate::Parse(R"({"id": "evt_aaaaaaaaaaaaaaaaaa", "created": 1000000000})").has_value());
  std::string short_id = kTemplate;
  short_id.erase(short_id.find("bbbb"), 4);
  EXPECT_FALSE(EventTemplate::Parse(short_id).has_value());
}

TEST(EventTemplateTest, TheCommittedTemplateIsOfTheSizeStripeSends) {
  const auto event = EventTemplate::Read(KEYSTRAND_BENCH_TEMPLATE);
  ASSERT_TRUE(event.has_value()) << event.error().detail;
  EXPECT_NEAR(static_cast<double>(event->text().size()), 3000, 300);
  EXPECT_EQ(event->type(), "charge.succeeded") << "and not the type of something inside it";
}

TEST(DigestTest, KnownAnswers) {
  EXPECT_EQ(Hex(Sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Signer signer("whsec_invented_for_this_test");
  // printf '1790000000.{}' | openssl dgst -sha256 -hmac whsec_invented_for_this_test
  const std::string expected = "9420e9a5920b70ad08857cbc8c2e39fa22d82b3a72c08960229c31a115b5ae5f";
  EXPECT_EQ(Hex(signer.Sign("1790000000", "{}")), expected);
  EXPECT_EQ(Hex(signer.Sign("1790000000", "{}")), expected) << "a signer is good for more than one signature";
}

}  // namespace
}  // namespace keystrand::bench
