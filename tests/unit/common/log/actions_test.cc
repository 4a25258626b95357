#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "common/log/action.h"
#include "common/log/field.h"

namespace keystrand::log {
namespace {

TEST(ActionsTest, EveryActionIsDescribedUnderItsOwnNumber) {
  for (std::size_t i = 0; i < kActionCount; ++i) {
    EXPECT_EQ(static_cast<std::size_t>(kActions[i].action), i) << kActions[i].name;
    EXPECT_GT(kActions[i].meaning.size(), 10U) << kActions[i].name;
  }
  EXPECT_EQ(static_cast<std::size_t>(kLastAction) + 1, kActionCount);
}

TEST(ActionsTest, NamesAreDottedAndUnique) {
  std::set<std::string_view> names;
  for (const auto& entry : kActions) {
    EXPECT_TRUE(std::regex_match(std::string(entry.name), std::regex("[a-z_]+\\.[a-z_]+"))) << entry.name;
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
  }
}

TEST(ActionsTest, PublishedNamesStay) {
  const std::set<std::string_view> published = {"process.started",
                                                "process.ready",
                                                "process.draining",
                                                "process.stopped",
                                                "config.loaded",
                                                "config.invalid",
                                                "delivery.accepted",
                                                "delivery.refused",
                                                "delivery.failed",
                                                "event.applied",
                                                "event.duplicate",
                                                "event.stale",
                                                "event.ignored",
                                                "event.retry",
                                                "event.dead_lettered",
                                                "dead_letter.write_failed",
                                                "dead_letter.shown",
                                                "dead_letter.replayed",
                                                "dead_letter.discarded",
                                                "notification.sent",
                                                "notification.failed",
                                                "notification.suppressed",
                                                "kafka.error",
                                                "kafka.rebalanced",
                                                "db.error",
                                                "db.reconnected",
                                                "monitor.refresh_failed"};
  std::set<std::string_view> names;
  for (const auto& entry : kActions) names.insert(entry.name);
  for (const auto name : published) EXPECT_EQ(names.count(name), 1U) << name;
}

TEST(FieldsTest, NamesAreSnakeCaseUniqueAndNotThoseOfTheHead) {
  std::set<std::string_view> names = {"timestamp", "level",   "action",     "message",  "service",
                                      "instance",  "version", "suppressed", "truncated"};
  for (const auto name : kFieldNames) {
    EXPECT_TRUE(std::regex_match(std::string(name), std::regex("[a-z]+(_[a-z]+)*"))) << name;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
  EXPECT_EQ(NameOf(Field::kTraceId), "trace_id");
  EXPECT_EQ(NameOf(Field::kErrorCode), "error_code");
  EXPECT_EQ(NameOf(Field::kDurationSeconds), "duration_seconds");
  EXPECT_EQ(NameOf(Field::kPid), "pid");
}

}  // namespace
}  // namespace keystrand::log
