#include "worker/operator/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keystrand::worker::op {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class SettingsTest : public testing::Test {
 protected:
  config::Outcome Read(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "keystrand");
    config::Reader reader({"keystrand", "A test", "0"});
    settings_ = {};
    settings_.AddTo(reader);
    return reader.Read(static_cast<int>(arguments.size()), arguments.data(),
                       {{"KEYSTRAND_KAFKA_BROKERS", "h:1"}, {"KEYSTRAND_DATABASE_URL", "postgresql://h/d"}});
  }
  Settings settings_;
};

TEST_F(SettingsTest, APayloadNeedsAReason) {
  EXPECT_THAT(Read({"event", "show", "evt_1", "--payload"}).text, HasSubstr("give --reason"));
  const auto outcome = Read({"event", "show", "--payload", "evt_1", "--reason", "ticket 7"});
  ASSERT_TRUE(outcome.ready) << outcome.text;
  EXPECT_TRUE(settings_.payload);
  EXPECT_EQ(settings_.event_id, "evt_1");
  EXPECT_EQ(settings_.reason, "ticket 7");
}

TEST_F(SettingsTest, TopicsNeedUsableNamesOfTheirOwn) {
  EXPECT_THAT(Read({"status", "--events-topic", "bad topic"}).text, HasSubstr("events-topic: give 1 to 249"));
  EXPECT_THAT(Read({"status", "--facts-topic", ".."}).text, HasSubstr("facts-topic: give 1 to 249"));
  EXPECT_THAT(Read({"status", "--facts-topic", "keystrand.events"}).text, HasSubstr("a name of its own"));
  EXPECT_TRUE(Read({"status", "--facts-topic", "a.B_c-1"}).ready);
}

TEST_F(SettingsTest, TheActorIsNeverEmpty) {
  ASSERT_TRUE(Read({"status"}).ready);
  EXPECT_NE(settings_.actor, "");
  ASSERT_TRUE(Read({"status", "--actor", "sam"}).ready);
  EXPECT_EQ(settings_.actor, "sam");
}

TEST_F(SettingsTest, HelpNamesEachCommandAndExitCodes) {
  EXPECT_THAT(Read({"--help"}).text,
              AllOf(HasSubstr("topics create"), HasSubstr("event show ID"), HasSubstr("1 degraded")));
}

}  // namespace
}  // namespace keystrand::worker::op
