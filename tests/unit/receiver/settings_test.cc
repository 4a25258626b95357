#include "receiver/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "delivery.h"

namespace keystrand::receiver {
namespace {

using testing::HasSubstr;
using testing::Not;

config::Environment Enough() {
  return {{"KEYSTRAND_KAFKA_BROKERS", "127.0.0.1:9092"}, {"KEYSTRAND_SIGNING_SECRETS", kPrimary + "," + kSecondary}};
}

config::Outcome Read(const config::Environment& environment, Settings& settings,
                     std::vector<const char*> arguments = {}) {
  arguments.insert(arguments.begin(), "keystrand-receiver");
  return ReadSettings(static_cast<int>(arguments.size()), arguments.data(), environment, settings);
}
/// The report on `Enough()` changed by `name` = `value`.
config::Outcome With(const std::string& name, const std::string& value) {
  config::Environment environment = Enough();
  environment[name] = value;
  Settings settings;
  return Read(environment, settings);
}

TEST(Settings, NeedBrokersAndSecretsOnly) {
  Settings settings;
  const auto outcome = Read(Enough(), settings);
  ASSERT_TRUE(outcome.ready) << outcome.text;
  EXPECT_EQ(settings.listen.Text(), "0.0.0.0:8080");
  EXPECT_EQ(settings.admin_listen.Text(), "127.0.0.1:9101");
  ASSERT_EQ(settings.endpoints.size(), 1u);
  EXPECT_EQ(settings.endpoints[0].name, "default");
  EXPECT_EQ(settings.endpoints[0].path, "/webhooks/stripe");
  EXPECT_EQ(settings.events_topic, "keystrand.events");
  EXPECT_EQ(settings.tolerance, std::chrono::seconds(300));
  EXPECT_EQ(settings.body_bytes_max, 1048576);
  EXPECT_EQ(settings.ack_timeout, std::chrono::seconds(5));
  EXPECT_EQ(settings.durability, kafka::Durability::kReplicated);
  EXPECT_GE(settings.threads, 1);
  const auto secrets = SecretsOf(settings.endpoints[0]);
  ASSERT_TRUE(secrets);
  EXPECT_THAT(*secrets, testing::ElementsAre(kPrimary, kSecondary));
}

TEST(Settings, ReportAllProblemsTogether) {
  Settings settings;
  const auto outcome = Read({{"KEYSTRAND_TOLERANCE_SECONDS", "0"},
                             {"KEYSTRAND_ENDPOINT_PATH", "webhooks"},
                             {"KEYSTRAND_ACCOUNT", "me"},
                             {"KEYSTRAND_ADMIN_LISTEN", "127.0.0.1:8080"}},
                            settings);
  EXPECT_FALSE(outcome.ready);
  EXPECT_EQ(outcome.exit_code, 2);
  for (const char* name :
       {"kafka-brokers", "signing-secrets", "tolerance-seconds", "endpoint-path", "account", "admin-listen"}) {
    EXPECT_THAT(outcome.text, HasSubstr(name));
  }
}

TEST(Settings, RefuseSecretsThatProtectNothing) {
  EXPECT_THAT(With("KEYSTRAND_SIGNING_SECRETS", "whsec_short").text, HasSubstr("too short"));
  EXPECT_THAT(With("KEYSTRAND_SIGNING_SECRETS", kPrimary + "," + kPrimary).text, HasSubstr("given twice"));
  EXPECT_THAT(With("KEYSTRAND_SIGNING_SECRETS_FILE", "/somewhere").text, HasSubstr("give one of them"));
  EXPECT_EQ(With("KEYSTRAND_SIGNING_SECRETS", kPrimary).exit_code, 0);
}

TEST(Settings, NeverShowASecret) {
  Settings settings;
  const auto check = Read(Enough(), settings, {"--check"});
  EXPECT_FALSE(check.ready);
  EXPECT_EQ(check.exit_code, 0);
  EXPECT_THAT(check.text, HasSubstr("***"));
  EXPECT_THAT(check.text, Not(HasSubstr("invented")));
  EXPECT_THAT(With("KEYSTRAND_SIGNING_SECRETS", "whsec_short").text, Not(HasSubstr("whsec_short")));
}

TEST(Settings, RefuseKafkaPropertiesThatAPromiseNeeds) {
  Settings settings;
  const auto outcome = Read(Enough(), settings, {"--kafka.acks=1"});
  EXPECT_FALSE(outcome.ready);
  EXPECT_THAT(outcome.text, HasSubstr("acks"));
}

}  // namespace
}  // namespace keystrand::receiver
