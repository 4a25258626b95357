#include "common/metrics/labels.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace keystrand::metrics {
namespace {

TEST(EventTypeTest, KnowsItsListAndCallsTheRestOther) {
  const auto& names = kLabelValues<EventType>;
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end() - 1));
  for (const auto name : names) EXPECT_EQ(NameOf(EventTypeOf(name)), name);
  for (const auto* name : {"", "invoice", "invoice.paidx", "zzz", "customer.subscription.paused"}) {
    EXPECT_EQ(EventTypeOf(name), kOtherEventType) << name;
  }
}

TEST(StatusCodeTest, KnowsItsListAndCallsTheRestOther) {
  EXPECT_EQ(NameOf(StatusCodeOf(200)), "200");
  EXPECT_EQ(NameOf(StatusCodeOf(499)), "499");
  EXPECT_EQ(NameOf(StatusCodeOf(503)), "503");
  EXPECT_EQ(NameOf(StatusCodeOf(418)), "other");
  EXPECT_EQ(CodeClassOf(200), CodeClass::k2xx);
  EXPECT_EQ(CodeClassOf(400), CodeClass::k4xx);
  EXPECT_EQ(CodeClassOf(499), CodeClass::k4xx);
  EXPECT_EQ(CodeClassOf(500), CodeClass::k5xx);
}

TEST(DatabaseErrorClassTest, FollowsTheSqlstate) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "connection"},      {"08006", "connection"},    {"57P01", "connection"}, {"53300", "connection"},
      {"28P01", "connection"}, {"40001", "serialization"}, {"40P01", "deadlock"},   {"23505", "constraint"},
      {"57014", "timeout"},    {"55P03", "timeout"},       {"25P03", "timeout"},    {"42P01", "schema"},
      {"42501", "schema"},     {"22001", "other"},         {"XX000", "other"},      {"25006", "other"}};
  for (const auto& [sqlstate, name] : cases) EXPECT_EQ(NameOf(DatabaseErrorClassOf(sqlstate)), name) << sqlstate;
}

TEST(ErrorCodeLabelTest, IsTheCodesOwnName) {
  EXPECT_EQ(kLabelValues<ErrorCode>.front(), "malformed");
  EXPECT_EQ(kLabelValues<ErrorCode>.back(), "crashed");
}

}  // namespace
}  // namespace keystrand::metrics
