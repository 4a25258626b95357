#include "worker/memory/row_memory.h"

#include <gtest/gtest.h>

namespace keystrand::worker::memory {
namespace {

using handlers::RowKeys;
using handlers::UnitOfWork;
using std::chrono::seconds;
using store::ObjectKey;
using store::ObjectRow;

constexpr std::int64_t kSecond = 1'700'000'000;  // Unix s
constexpr const char* kDatabase = "cluster/1/00000001";
const RowMemory::Time kNow{seconds(1000)};
const ObjectKey kCustomer{"live/self", "customer", "cus_1"};

RowKeys NeedOf(std::int64_t created) {
  RowKeys keys;
  keys.NeedObjectUnlessLower(kCustomer, {false, false, created});
  return keys;
}

UnitOfWork Applied(std::int64_t created) {
  UnitOfWork work;
  work.objects.Put(ObjectRow{kCustomer, {"evt_1", "t"}, created, {{"evt_1", "t"}}});
  work.Keep();
  return work;
}

class RowMemoryTest : public testing::Test {
 protected:
  bool Supplies(const RowKeys& keys, std::size_t events = 1, const char* database = kDatabase) {
    work_ = {};
    return memory_.Supplies(keys, events, database, kNow, work_);
  }

  RowMemory memory_{{.stale = {.careful_events = 0}, .events_max = 3}};
  UnitOfWork work_;
};

TEST_F(RowMemoryTest, ARowOfWhichNothingIsKnownIsReplaced) {
  EXPECT_TRUE(Supplies(NeedOf(kSecond)));
  EXPECT_TRUE(work_.objects.All().empty());
}

TEST_F(RowMemoryTest, ARowThatWasWrittenIsSuppliedToWhatIsNotNewer) {
  memory_.Committed(Applied(kSecond), 1, "77", true, kDatabase, kNow);
  EXPECT_TRUE(Supplies(NeedOf(kSecond)));
  ASSERT_EQ(work_.objects.All().size(), 1U);
  EXPECT_EQ(work_.objects.All().front()->shown.event_id, "evt_1");
  EXPECT_EQ(work_.versions.at(kCustomer), "77");
  EXPECT_TRUE(Supplies(NeedOf(kSecond + 1)));
  EXPECT_TRUE(work_.objects.All().empty()) << "a newer event replaces it, whatever it is";
  EXPECT_FALSE(Supplies(NeedOf(kSecond), 1, "cluster/1/00000002"));
  memory_.Refused([&] {
    UnitOfWork refused;
    refused.versions.emplace(kCustomer, "77");
    return refused;
  }());
  EXPECT_FALSE(Supplies(NeedOf(kSecond)));
}

TEST_F(RowMemoryTest, WhatWasInsertedHasNoVersionToTell) {
  memory_.Committed(Applied(kSecond), 1, "77", false, kDatabase, kNow);
  EXPECT_FALSE(Supplies(NeedOf(kSecond)));
  EXPECT_TRUE(Supplies(NeedOf(kSecond + 1)));
}

TEST_F(RowMemoryTest, LargeBatchesLookAndLeaveNoRows) {
  EXPECT_TRUE(Supplies(NeedOf(kSecond), 3));
  EXPECT_FALSE(Supplies(NeedOf(kSecond), 4));
  memory_.Committed(Applied(kSecond), 4, "77", true, kDatabase, kNow);
  EXPECT_FALSE(Supplies(NeedOf(kSecond)));
}

TEST_F(RowMemoryTest, AfterAWrongGuessAllIsLookedAt) {
  RowMemory memory({.stale = {.careful_events = 1}});
  UnitOfWork work;
  EXPECT_FALSE(memory.Supplies(NeedOf(kSecond), 1, kDatabase, kNow, work));
  memory.Looked(NeedOf(kSecond), 1, {}, false);
  EXPECT_TRUE(memory.Supplies(NeedOf(kSecond), 1, kDatabase, kNow, work));
  UnitOfWork found;
  found.objects.Load(ObjectRow{kCustomer, {}, kSecond, {}});
  memory.Looked(NeedOf(kSecond), 1, found, true);
  EXPECT_FALSE(memory.Supplies(NeedOf(kSecond), 1, kDatabase, kNow, work));
}

}  // namespace
}  // namespace keystrand::worker::memory
