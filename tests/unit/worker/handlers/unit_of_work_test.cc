#include "worker/handlers/unit_of_work.h"

#include <gtest/gtest.h>

#include <string>

namespace keystrand::worker::handlers {
namespace {

struct Numbered {
  std::string key;
  int number = 0;
};
using Numbers = Table<std::string, Numbered>;

TEST(TableTest, WritesOnlyWhatChangedAndKnowsWhatTheDatabaseHas) {
  Numbers table;
  table.Load({"stored", 1});
  table.Load({"untouched", 1});
  table.Put({"stored", 2});
  table.Put({"fresh", 3});
  table.Put({"fresh", 4});
  table.Keep();
  ASSERT_EQ(table.Changed(true).size(), 1U);
  EXPECT_EQ(table.Changed(true)[0]->number, 2);
  ASSERT_EQ(table.Changed(false).size(), 1U);
  EXPECT_EQ(table.Changed(false)[0]->number, 4);
}

TEST(TableTest, UndoesTheLastEventAndNothingBeforeIt) {
  Numbers table;
  table.Load({"a", 1});
  table.Put({"a", 2});
  table.Keep();
  table.Put({"a", 3});
  table.Put({"a", 4});
  table.Put({"b", 5});
  table.Undo();
  EXPECT_EQ(table.Find("a")->number, 2);
  EXPECT_EQ(table.Find("b"), nullptr);
  EXPECT_EQ(table.Changed(true).size(), 1U);
  EXPECT_TRUE(table.Changed(false).empty());
}

TEST(RowKeysTest, OnlyTheSingleEventOfAnObjectMayGoWithoutItsRow) {
  const store::ObjectKey once{"live/self", "customer", "cus_1"};
  const store::ObjectKey twice{"live/self", "customer", "cus_2"};
  const store::ObjectKey both_ways{"live/self", "customer", "cus_3"};
  RowKeys keys;
  keys.NeedObjectUnlessLower(once, {false, true, 100});
  keys.NeedObjectUnlessLower(twice, {false, false, 100});
  keys.NeedObjectUnlessLower(twice, {false, false, 300});
  keys.NeedObjectUnlessLower(twice, {false, false, 200});
  keys.NeedObject(both_ways, 100);
  keys.NeedObjectUnlessLower(both_ways, {false, false, 50});
  EXPECT_EQ(keys.objects.at(once).unless_lower, (Rank{false, true, 100}));
  EXPECT_FALSE(keys.objects.at(twice).unless_lower);
  EXPECT_EQ(keys.objects.at(twice).oldest, 100);
  EXPECT_EQ(keys.objects.at(twice).newest, 300);
  EXPECT_FALSE(keys.objects.at(both_ways).unless_lower);
  EXPECT_EQ(keys.objects.at(both_ways).oldest, 50);
}

}  // namespace
}  // namespace keystrand::worker::handlers
