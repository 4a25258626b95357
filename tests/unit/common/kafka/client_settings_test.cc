#include "common/kafka/client_settings.h"

#include <gtest/gtest.h>

namespace keystrand::kafka {
namespace {

ClientSettings With(std::map<std::string, std::string> properties) {
  ClientSettings settings;
  settings.brokers = "127.0.0.1:9";
  settings.properties = std::move(properties);
  return settings;
}

TEST(CheckPropertiesTest, PassesWhatNoPromiseNeeds) {
  EXPECT_TRUE(CheckProperties(With({{"security.protocol", "ssl"}, {"session.timeout.ms", "1000"}})));
}

TEST(CheckPropertiesTest, ReportsEveryProblemWithItsNameAndNeverTheValue) {
  const auto checked =
      CheckProperties(With({{"acks", "s3cret"}, {"no.such", "s3cret"}, {"session.timeout.ms", "s3cret"}}));
  ASSERT_FALSE(checked);
  const auto& detail = checked.error().detail;
  EXPECT_NE(detail.find("kafka.acks: is fixed: "), std::string::npos) << detail;
  EXPECT_NE(detail.find("kafka.no.such: librdkafka knows no such property"), std::string::npos) << detail;
  EXPECT_NE(detail.find("kafka.session.timeout.ms: librdkafka refuses this value"), std::string::npos) << detail;
  EXPECT_EQ(detail.find("s3cret"), std::string::npos) << detail;
}

TEST(CheckPropertiesTest, RefusesEachPropertyThatAPromiseRestsOn) {
  for (const char* property :
       {"bootstrap.servers", "acks", "enable.idempotence", "group.id", "enable.auto.commit", "enable.auto.offset.store",
        "auto.offset.reset", "isolation.level", "check.crcs", "partition.assignment.strategy"}) {
    EXPECT_FALSE(CheckProperties(With({{property, "x"}}))) << property;
  }
}

}  // namespace
}  // namespace keystrand::kafka
