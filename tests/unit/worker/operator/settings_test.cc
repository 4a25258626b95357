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

TEST_F(SettingsTest, TheActorFitsAHeader) {
  EXPECT_THAT(Read({"status", "--actor", std::string(256, 'a').c_str()}).text, HasSubstr("actor: give 1 to 255"));
}

TEST_F(SettingsTest, ReplayTakesIdsOrAFilterAndAReason) {
  const auto outcome = Read({"dead-letters", "replay", "a/1/2", "evt_1", "--reason", "mended"});
  ASSERT_TRUE(outcome.ready) << outcome.text;
  EXPECT_EQ(settings_.letters.ids, (std::vector<std::string>{"a/1/2", "evt_1"}));
  EXPECT_THAT(Read({"dead-letters", "replay", "--reason", "mended"}).text, HasSubstr("give IDs"));
  EXPECT_THAT(Read({"dead-letters", "replay", "evt_1", "--key", "k", "--reason", "r"}).text, HasSubstr("not both"));
  EXPECT_THAT(Read({"dead-letters", "replay", "evt_1"}).text, HasSubstr("--reason: not given"));
  EXPECT_TRUE(Read({"dead-letters", "replay", "evt_1", "--dry-run"}).ready);
  EXPECT_TRUE(Read({"dead-letters", "replay", "--resume"}).ready);
  EXPECT_THAT(Read({"dead-letters", "replay", "--resume", "--status", "open"}).text, HasSubstr("that are replaying"));
}

TEST_F(SettingsTest, DiscardNeedsAReason) {
  EXPECT_THAT(Read({"dead-letters", "discard", "evt_1"}).text, HasSubstr("--reason: not given"));
  EXPECT_TRUE(Read({"dead-letters", "discard", "evt_1", "--reason", "given up"}).ready);
}

TEST_F(SettingsTest, ABodyIsShownForAReasonOnly) {
  EXPECT_THAT(Read({"dead-letters", "show", "evt_1", "--raw"}).text, HasSubstr("give --reason"));
  EXPECT_TRUE(Read({"dead-letters", "show", "evt_1", "--raw", "--reason", "ticket 7"}).ready);
}

TEST_F(SettingsTest, AcceptTakesAWholeNumber) {
  EXPECT_TRUE(Read({"breaker", "accept", "mirror", "5"}).ready);
  for (const char* number : {"0", "5.5", "x", "1000001"}) {
    EXPECT_THAT(Read({"breaker", "accept", "mirror", number}).text, HasSubstr("from 1 to 1000000")) << number;
  }
}

TEST_F(SettingsTest, TableIsAnotherNameForText) {
  ASSERT_TRUE(Read({"dead-letters", "list", "--output", "table"}).ready);
  EXPECT_EQ(settings_.output, Format::kText);
}

TEST_F(SettingsTest, HelpNamesEachCommandAndExitCodes) {
  EXPECT_THAT(Read({"--help"}).text,
              AllOf(HasSubstr("topics create"), HasSubstr("event show ID"), HasSubstr("1 degraded")));
}

}  // namespace
}  // namespace keystrand::worker::op
