#include "worker/store/leases.h"

#include <gtest/gtest.h>

#include "tests/integration/support.h"
#include "worker/store/objects.h"

namespace keystrand::worker::store {
namespace {

using namespace testing_support;

class LeasesTest : public testing::Test {
 protected:
  LeasesTest() : session_(Settings(), nullptr) { EXPECT_TRUE(session_.Connect()); }
  ~LeasesTest() override {
    Query("DELETE FROM keystrand.partition_leases WHERE topic = $1", {topic_});
    Query("DELETE FROM stripe.objects WHERE scope = $1", {topic_});
  }

  static DatabaseSettings Settings() {
    DatabaseSettings settings;
    settings.url = DatabaseUrl();
    return settings;
  }

  /// The epochs of these partitions, newly taken over.
  std::vector<HeldEpoch> Take(const std::vector<std::int32_t>& partitions) {
    std::vector<HeldEpoch> held;
    const auto taken = session_.InTransaction([&](Transaction& transaction) -> Result<> {
      const auto leases = RaiseEpochs(transaction, topic_, partitions, "test");
      if (!leases) return Fail(leases.error());
      for (const auto& lease : *leases) held.push_back({lease.partition, lease.epoch});
      return {};
    });
    EXPECT_TRUE(taken) << taken.error().detail;
    return held;
  }

  /// A row that is written under these leases, in one round trip with the commit.
  Result<> WriteUnder(const std::vector<HeldEpoch>& held) {
    const ObjectRow row{{topic_, "thing", "id"}, {"evt_1", "t"}, 1, {}};
    std::string version;
    return session_.InTransaction([&](Transaction& transaction) {
      AssertLeases(transaction, topic_, held);
      return ReplaceObjects(transaction, {&row}, version);
    });
  }
  [[nodiscard]] std::string Rows() const {
    return QueryOne("SELECT count(*) FROM stripe.objects WHERE scope = $1", {topic_});
  }

  const std::string topic_ = UniqueName("leases-");
  Session session_;
};

TEST_F(LeasesTest, WhatIsWrittenUnderLeasesThatHoldIsCommitted) {
  const auto written = WriteUnder(Take({1, 2, 5}));
  EXPECT_TRUE(written) << written.error().detail;
  EXPECT_EQ(Rows(), "1");
}

TEST_F(LeasesTest, NothingIsWrittenUnderALeaseThatWasTakenOver) {
  const auto held = Take({1, 2});
  Take({2});
  const auto fenced = WriteUnder(held);
  ASSERT_FALSE(fenced);
  EXPECT_EQ(fenced.error().code, ErrorCode::kConflict) << fenced.error().detail;
  EXPECT_EQ(Rows(), "0");
}

TEST_F(LeasesTest, NothingIsWrittenUnderALeaseThatNobodyGave) {
  const auto fenced = WriteUnder({{7, 1}});
  ASSERT_FALSE(fenced);
  EXPECT_EQ(fenced.error().code, ErrorCode::kConflict) << fenced.error().detail;
  EXPECT_EQ(Rows(), "0");
}

}  // namespace
}  // namespace keystrand::worker::store
