#include "worker/store/objects.h"

#include <gtest/gtest.h>

#include <array>
#include <forward_list>
#include <random>

#include "common/stripe/json_tree.h"
#include "tests/integration/support.h"

namespace keystrand::worker::store {
namespace {

using namespace testing_support;

constexpr std::int64_t kSecond = 1'795'000'000;

class ObjectsTest : public testing::Test {
 protected:
  ObjectsTest() : session_(Settings(), nullptr) { EXPECT_TRUE(session_.Connect()); }
  ~ObjectsTest() override { Query("DELETE FROM stripe.objects WHERE scope = $1", {scope_}); }

  static DatabaseSettings Settings() {
    DatabaseSettings settings;
    settings.url = DatabaseUrl();
    return settings;
  }

  /// Rows are views.
  std::string_view Kept(std::string text) { return kept_.emplace_front(std::move(text)); }

  [[nodiscard]] ObjectRow Row(const std::vector<std::string>& data, std::size_t shown) {
    ObjectRow row{{scope_, "thing", "id"}, {}, kSecond, {}};
    for (std::size_t i = 0; i < data.size(); ++i) {
      const auto number = std::to_string(i);
      row.candidates.push_back({Kept("evt_" + number), "t", "v", Kept(R"({"n":)" + number + "}"), Kept(data[i])});
    }
    row.shown = row.candidates[shown];
    return row;
  }

  void Write(const ObjectRow& row) {
    const auto written = session_.InTransaction([&](Transaction& transaction) -> Result<> {
      const auto found = LoadObjects(transaction, {{row.key, kSecond, kSecond}});
      if (!found) return Fail(found.error());
      return found->rows.empty() ? InsertObjects(transaction, {&row})
                                 : UpdateObjects(transaction, {&row}, {}, version_);
    });
    ASSERT_TRUE(written) << written.error().detail;
  }

  [[nodiscard]] ObjectRow Read() {
    LoadedObjects& objects = loaded_.emplace_front();
    const auto read = session_.InTransaction([&](Transaction& transaction) -> Result<> {
      auto loaded = LoadObjects(transaction, {{{scope_, "thing", "id"}, kSecond, kSecond}});
      if (!loaded) return Fail(loaded.error());
      objects = *std::move(loaded);
      return {};
    });
    EXPECT_TRUE(read) << read.error().detail;
    return objects.rows.size() == 1 ? objects.rows.front() : ObjectRow{};
  }

  void ExpectTheSame(const ObjectRow& read, const ObjectRow& written) const {
    EXPECT_EQ(read.shown.event_id, written.shown.event_id);
    ASSERT_EQ(read.candidates.size(), written.candidates.size());
    for (std::size_t i = 0; i < read.candidates.size(); ++i) {
      const Candidate& a = read.candidates[i];
      const Candidate& b = written.candidates[i];
      EXPECT_EQ(a.event_id, b.event_id);
      EXPECT_TRUE(Same(a.data, b.data)) << a.data << "\n" << b.data << "\nshown: " << written.shown.data;
      EXPECT_TRUE(Same(a.previous_attributes, b.previous_attributes));
    }
  }

  static bool Same(std::string_view a, std::string_view b) {
    const auto one = stripe::ReadJsonTree(a);
    const auto other = stripe::ReadJsonTree(b);
    return one && other && stripe::Equal(*one, *other);
  }

  const std::string scope_ = UniqueName("test");
  Session session_;
  std::string version_;  ///< of what was written last
  std::forward_list<std::string> kept_;
  std::forward_list<LoadedObjects> loaded_;
};

/// An object of few members, so that two of them have some in common.
std::string AnyObject(std::mt19937& dice) {
  const std::vector<std::string> values = {"1",  "1.0",  "null", "\"a,b\"", "{}", R"({"a": [1, {"b": null}]})",
                                           "[]", "[ 1 ]"};
  const std::vector<std::string> keys = {"a", "b", "c", "k:1", "é", R"(\u0061)", "lacks", "differs", ""};
  const auto one_of = [&](const auto& list) { return list[dice() % list.size()]; };
  std::string json = "{";
  for (auto members = dice() % 6; members > 0; --members) {
    json += (json.size() > 1 ? ", \"" : "\"") + one_of(keys) + "\": " + one_of(values);
  }
  return json + "}";
}

TEST_F(ObjectsTest, TheEventsOfOneSecondAreReadAsTheyWereWritten) {
  std::mt19937 dice(20261126);
  for (int round = 0; round < 300; ++round) {
    const std::vector<std::string> data = {AnyObject(dice), AnyObject(dice), AnyObject(dice)};
    const auto first = Row(data, dice() % data.size());
    Write(first);
    const auto read = Read();
    ExpectTheSame(read, first);
    // As a batch does it: what was read, with another one shown.
    auto second = read;
    second.shown = second.candidates[dice() % data.size()];
    Write(second);
    ExpectTheSame(Read(), second);
    if (HasFailure()) return;
  }
}

TEST_F(ObjectsTest, OnesThatWereKeptAsAWholeAreReadToo) {
  Write(Row({R"({"a": 1})", R"({"a": 2})"}, 0));
  Query(R"(UPDATE stripe.objects SET candidates = '[{"event_id": "evt_0", "event_type": "t"},
           {"event_id": "evt_1", "event_type": "t", "data": {"b": 3}}]' WHERE scope = $1)",
        {scope_});
  const auto read = Read();
  ASSERT_EQ(read.candidates.size(), 2U);
  EXPECT_TRUE(Same(read.candidates[0].data, R"({"a": 1})"));
  EXPECT_TRUE(Same(read.candidates[1].data, R"({"b": 3})"));
}

TEST_F(ObjectsTest, ATimeBeyondPostgresYearsIsADataError) {
  auto row = Row({"{}"}, 0);
  row.event_created = 99'999'999'999'999;
  const auto refused = session_.InTransaction([&](Transaction& transaction) -> Result<> {
    if (auto none = LoadObjects(transaction, {{row.key, 0, 0}}); !none) return Fail(none.error());
    return InsertObjects(transaction, {&row});
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kRejected);
  EXPECT_NE(refused.error().detail.find("22008"), std::string::npos) << refused.error().detail;
}

TEST_F(ObjectsTest, AnUpdateThatMissesARowIsAConflictAndCommitsNothing) {
  auto there = Row({"{}"}, 0);
  auto gone = there;
  gone.key.id = "gone";
  Write(there);
  there.shown.data = R"({"a": 1})";
  const auto missed = session_.InTransaction([&](Transaction& transaction) {
    return UpdateObjects(transaction, {&gone, &there}, {}, version_);
  });
  ASSERT_FALSE(missed);
  EXPECT_EQ(missed.error().code, ErrorCode::kConflict) << missed.error().detail;
  EXPECT_EQ(Read().shown.data, "{}");
}

TEST_F(ObjectsTest, ARowThatIsThereAlreadyIsAConflictAndCommitsNothing) {
  const auto first = Row({"{}"}, 0);
  auto other = first;
  other.key.id = "other";
  Write(first);
  const auto taken = session_.InTransaction([&](Transaction& transaction) {
    return InsertObjects(transaction, {&first, &other});
  });
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kConflict) << taken.error().detail;
  EXPECT_EQ(QueryOne("SELECT count(*) FROM stripe.objects WHERE scope = $1", {scope_}), "1");
}

/// One that is lower in the first column that differs.
struct Ranked {
  bool deleted;
  bool terminal;
  std::int64_t created;
};
constexpr std::array kRising = {Ranked{false, false, kSecond}, Ranked{false, false, kSecond + 1},
                                Ranked{false, true, kSecond - 1}, Ranked{true, false, kSecond - 2},
                                Ranked{true, true, kSecond - 2}};

ObjectRow OfRank(ObjectRow row, const Ranked& rank) {
  row.deleted = rank.deleted;
  row.terminal = rank.terminal;
  row.event_created = rank.created;
  return row;
}

TEST_F(ObjectsTest, ARowIsReplacedOnlyByOneOfAHigherRank) {
  const auto replace = [&](const ObjectRow& row) {
    return session_.InTransaction(
        [&](Transaction& transaction) { return ReplaceObjects(transaction, {&row}, version_); });
  };
  for (std::size_t before = 0; before < kRising.size(); ++before) {
    for (std::size_t after = 0; after < kRising.size(); ++after) {
      Query("DELETE FROM stripe.objects WHERE scope = $1", {scope_});
      const auto old = OfRank(Row({R"({"a": 1})"}, 0), kRising.at(before));
      const auto fresh = OfRank(Row({R"({"a": 2})"}, 0), kRising.at(after));
      ASSERT_TRUE(replace(old)) << "where there is none";
      const auto replaced = replace(fresh);
      EXPECT_EQ(replaced.has_value(), before < after) << before << " " << after;
      if (!replaced) {
        EXPECT_EQ(replaced.error().code, ErrorCode::kConflict) << replaced.error().detail;
      }
      EXPECT_EQ(QueryOne("SELECT data ->> 'a' FROM stripe.objects WHERE scope = $1", {scope_}), replaced ? "2" : "1");
    }
  }
}

TEST_F(ObjectsTest, NoneIsReplacedWhereOneMayNotBe) {
  const auto low = OfRank(Row({R"({"a": 1})"}, 0), kRising.front());
  auto other = low;
  other.key.id = "other";
  const auto high = OfRank(Row({R"({"a": 2})"}, 0), kRising.back());
  Write(high);
  const auto replaced = session_.InTransaction([&](Transaction& transaction) {
    return ReplaceObjects(transaction, {&low, &other}, version_);
  });
  ASSERT_FALSE(replaced);
  EXPECT_EQ(replaced.error().code, ErrorCode::kConflict) << replaced.error().detail;
  EXPECT_EQ(QueryOne("SELECT count(*) FROM stripe.objects WHERE scope = $1", {scope_}), "1");
}

TEST_F(ObjectsTest, ARowIsUpdatedOnlyInTheVersionThatIsKnown) {
  const auto update = [&](const ObjectRow& row, const std::string& known) {
    return session_.InTransaction([&](Transaction& transaction) {
      return UpdateObjects(transaction, {&row}, {{row.key, known}}, version_);
    });
  };
  const auto replace = [&](const ObjectRow& row) {
    return session_.InTransaction(
        [&](Transaction& transaction) { return ReplaceObjects(transaction, {&row}, version_); });
  };
  const auto shown = [&] { return QueryOne("SELECT data ->> 'a' FROM stripe.objects WHERE scope = $1", {scope_}); };
  ASSERT_TRUE(replace(Row({R"({"a": 1})"}, 0)));
  const std::string first = version_;
  ASSERT_TRUE(update(Row({R"({"a": 2})"}, 0), first));
  EXPECT_EQ(shown(), "2");
  const std::string second = version_;
  EXPECT_NE(second, first);
  Query("UPDATE stripe.objects SET terminal = terminal WHERE scope = $1", {scope_});  // somebody else
  const auto missed = update(Row({R"({"a": 3})"}, 0), second);
  ASSERT_FALSE(missed);
  EXPECT_EQ(missed.error().code, ErrorCode::kConflict) << missed.error().detail;
  EXPECT_EQ(shown(), "2");
  Write(Row({R"({"a": 4})"}, 0));  // locked before, whatever its version
  ASSERT_TRUE(update(Row({R"({"a": 5})"}, 0), version_));
  EXPECT_EQ(shown(), "5");
}

}  // namespace
}  // namespace keystrand::worker::store
