#include "receiver/producer_events.h"

#include <gtest/gtest.h>

#include "delivery.h"

namespace keystrand::receiver {
namespace {

using namespace std::chrono_literals;
using kafka::ProduceResult;

class ProducerEventsTest : public testing::Test {
 protected:
  [[nodiscard]] bool Says(std::string_view word) const { return events_.Problem().find(word) != std::string::npos; }

  ManualClock clock_;
  metrics::Registry registry_;
  metrics::ProduceMetrics produced_{registry_, "events"};
  metrics::KafkaClientMetrics client_{registry_, {metrics::ClientRole::kProducer}, clock_.Now()};
  ProducerEvents events_{produced_, client_, clock_};
};

TEST_F(ProducerEventsTest, MissesABrokerUntilOneIsSeenAndTenSecondsAfter) {
  EXPECT_TRUE(Says("no broker was seen up"));
  events_.BrokerSeen();
  EXPECT_EQ(events_.Problem(), "");
  clock_.steady += 10s - 1ns;
  EXPECT_EQ(events_.Problem(), "");
  clock_.steady += 1ns;
  EXPECT_TRUE(Says("no broker was seen up"));
}

TEST_F(ProducerEventsTest, NamesTheErrorThatTheOthersFollowFrom) {
  events_.OnClientError("_AUTHENTICATION", "", false);
  events_.OnClientError("_ALL_BROKERS_DOWN", "", false);
  EXPECT_TRUE(Says("the last error is _AUTHENTICATION"));
}

TEST_F(ProducerEventsTest, MissesTheRightToWriteUntilARecordIsTaken) {
  events_.BrokerSeen();
  events_.OnProduced(ProduceResult::kAuth, 1ms);
  EXPECT_TRUE(Says("lacks the right to write"));
  events_.OnProduced(ProduceResult::kOk, 1ms);
  EXPECT_EQ(events_.Problem(), "");
}

TEST_F(ProducerEventsTest, LetsRecordsTryAgainTenSecondsAfterARefusal) {
  events_.OnProduced(ProduceResult::kAuth, 1ms);
  clock_.steady += 10s - 1ns;
  events_.BrokerSeen();
  EXPECT_TRUE(Says("lacks the right to write"));
  clock_.steady += 1ns;
  EXPECT_EQ(events_.Problem(), "");
}

TEST_F(ProducerEventsTest, CountsAFatalErrorAsSuchWhateverItsCause) {
  events_.OnClientError("OUT_OF_ORDER_SEQUENCE_NUMBER", "", true);
  EXPECT_NE(registry_.Text().find(R"(client_errors_total{client="producer",code="_FATAL"} 1)"), std::string::npos)
      << registry_.Text();
}

}  // namespace
}  // namespace keystrand::receiver
