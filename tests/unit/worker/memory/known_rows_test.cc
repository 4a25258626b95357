#include "worker/memory/known_rows.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace keystrand::worker::memory {
namespace {

using std::chrono::seconds;
using store::Candidate;
using store::ObjectKey;
using store::ObjectRow;

constexpr const char* kDatabase = "cluster/1/00000001";
const KnownRows::Time kNow{seconds(1000)};
const ObjectKey kCustomer{"live/self", "customer", "cus_1"};

ObjectRow RowOf(const ObjectKey& key, const std::string& data) {
  ObjectRow row{key, {}, 100, {}};
  row.candidates = {Candidate{"evt_0", "t", "", "{}", "{}"}, Candidate{"evt_1", "t", "2020-08-27", "", data}};
  row.shown = row.candidates.back();
  row.terminal = true;
  return row;
}

TEST(KnownRowsTest, HasACopyOfARowInItsVersion) {
  KnownRows rows({});
  {
    const std::string id = "cus_1";
    const std::string data = R"({"name": "a customer with a name that is no small string"})";
    rows.Put(RowOf({"live/self", "customer", id}, data), std::string("77"), kDatabase, kNow);
  }
  const auto known = rows.Find(kCustomer, kDatabase, kNow);
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(known->version, "77");
  const ObjectRow& row = known->row;
  EXPECT_EQ(row.key, kCustomer);
  EXPECT_EQ(row.event_created, 100);
  EXPECT_TRUE(row.terminal);
  EXPECT_FALSE(row.deleted);
  EXPECT_EQ(row.shown.event_id, "evt_1");
  EXPECT_EQ(row.shown.data, R"({"name": "a customer with a name that is no small string"})");
  ASSERT_EQ(row.candidates.size(), 2U);
  EXPECT_EQ(row.candidates[0].previous_attributes, "{}");
  EXPECT_EQ(row.candidates[1].api_version, "2020-08-27");
  EXPECT_EQ(row.candidates[1].data, row.shown.data);
  EXPECT_EQ(rows.Find({"live/self", "customer", "cus_2"}, kDatabase, kNow), nullptr);
}

TEST(KnownRowsTest, KnowsTheLastVersionAndNothingOnceForgotten) {
  KnownRows rows({});
  rows.Put(RowOf(kCustomer, "{}"), "77", kDatabase, kNow);
  const auto first = rows.Find(kCustomer, kDatabase, kNow);
  rows.Put(RowOf(kCustomer, "[]"), "78", kDatabase, kNow);
  EXPECT_EQ(rows.Find(kCustomer, kDatabase, kNow)->version, "78");
  rows.Forget(kCustomer);
  rows.Forget(kCustomer);
  EXPECT_EQ(rows.Find(kCustomer, kDatabase, kNow), nullptr);
  EXPECT_EQ(first->row.shown.data, "{}") << "a batch that has it keeps it";
}

TEST(KnownRowsTest, KnowsNothingOfAnotherDatabase) {
  KnownRows rows({});
  rows.Put(RowOf(kCustomer, "{}"), "77", kDatabase, kNow);
  EXPECT_EQ(rows.Find(kCustomer, "cluster/1/00000002", kNow), nullptr);
  rows.Put(RowOf(kCustomer, "{}"), "77", "", kNow);
  EXPECT_EQ(rows.Find(kCustomer, "", kNow), nullptr) << "of one that does not tell which it is";
}

TEST(KnownRowsTest, ForgetsWhatIsOld) {
  KnownRows rows({.age_max = seconds(10)});
  rows.Put(RowOf(kCustomer, "{}"), "77", kDatabase, kNow);
  EXPECT_NE(rows.Find(kCustomer, kDatabase, kNow + seconds(10)), nullptr);
  EXPECT_EQ(rows.Find(kCustomer, kDatabase, kNow + seconds(11)), nullptr);
}

TEST(KnownRowsTest, TakesNoMoreThanItsBytes) {
  constexpr int kRows = 100;
  KnownRows rows({.bytes_max = 20'000});
  std::vector<std::string> ids;
  for (int i = 0; i < kRows; ++i) ids.push_back("cus_" + std::to_string(i));
  for (const auto& id : ids)
    rows.Put(RowOf({"live/self", "customer", id}, std::string(1000, 'x')), "1", kDatabase, kNow);
  int known = 0;
  for (const auto& id : ids) known += rows.Find({"live/self", "customer", id}, kDatabase, kNow) ? 1 : 0;
  EXPECT_GE(known, 10);
  EXPECT_LE(known, 19);
  EXPECT_NE(rows.Find({"live/self", "customer", ids.back()}, kDatabase, kNow), nullptr);
  rows.Put(RowOf(kCustomer, std::string(30'000, 'x')), "1", kDatabase, kNow);
  EXPECT_EQ(rows.Find(kCustomer, kDatabase, kNow), nullptr) << "one that is too large by itself";
}

TEST(KnownRowsTest, TakesManyThreads) {
  KnownRows rows({.bytes_max = 20'000});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&rows, t] {
      for (int i = 0; i < 2000; ++i) {
        const std::string id = "cus_" + std::to_string(i % 30);
        const ObjectKey key{"live/self", "customer", id};
        rows.Put(RowOf(key, "{}"), std::to_string(t), kDatabase, kNow);
        if (const auto known = rows.Find(key, kDatabase, kNow)) {
          EXPECT_EQ(known->row.key.id, id);
        }
        if (i % 7 == 0) rows.Forget(key);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace keystrand::worker::memory
