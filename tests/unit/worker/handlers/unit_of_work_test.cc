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

}  // namespace
}  // namespace keystrand::worker::handlers
