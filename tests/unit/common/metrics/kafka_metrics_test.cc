#include "common/metrics/kafka_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tests/unit/common/metrics/exposition.h"

namespace keystrand::metrics {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

std::string Document(const std::string& client) {
  std::ifstream file(std::string(KEYSTRAND_TEST_DATA) + "/librdkafka-statistics/" + client + ".json");
  return {std::istreambuf_iterator<char>(file), {}};
}

constexpr system_clock::time_point kStart{seconds(100)};
constexpr system_clock::time_point kNow{seconds(200)};

class KafkaClientMetricsTest : public testing::Test {
 protected:
  /// -1: no such series.
  double ValueOf(const std::string& series) {
    const auto exposition = ParseExposition(registry_.Text());
    EXPECT_EQ(exposition.repeated, 0U);
    const auto found = exposition.samples.find("keystrand_kafka_" + series);
    return found == exposition.samples.end() ? -1 : found->second;
  }
  Registry registry_;
  KafkaClientMetrics metrics_{registry_, {ClientRole::kProducer, ClientRole::kConsumer}, kStart};
};

TEST(KafkaStatisticsTest, ReadsWhatLibrdkafkaWrites) {
  const auto consumer = ParseKafkaStatistics(Document("consumer"));
  ASSERT_TRUE(consumer);
  EXPECT_EQ(consumer->assigned_partitions, 4);
  EXPECT_TRUE(consumer->steady);
  ASSERT_EQ(consumer->brokers.size(), 3U);
  EXPECT_EQ(consumer->partitions.size(), 5U);  // with -1, where messages wait that have no partition yet
  const auto producer = ParseKafkaStatistics(Document("producer"));
  ASSERT_TRUE(producer);
  EXPECT_EQ(producer->queue_messages_max, 100000);
}

TEST(KafkaStatisticsTest, TheCoordinatorsConnectionIsAddedToItsBroker) {
  const auto consumer = ParseKafkaStatistics(Document("consumer"));
  ASSERT_TRUE(consumer);
  ASSERT_EQ(consumer->brokers[1].node_id, 2);
  EXPECT_EQ(consumer->brokers[1].tx_bytes, 489 + 809);
  EXPECT_EQ(consumer->brokers[1].rx_bytes, 864 + 933);
}

TEST(KafkaStatisticsTest, ReadsEveryFieldThatIsShown) {
  const auto statistics = ParseKafkaStatistics(R"({"msg_cnt":1, "msg_max":2, "replyq":3, "x":[1,{"y":"\"}"}],
      "brokers":{"b/7":{"nodeid":7,"state":"UPDATE","txerrs":1,"rxerrs":2,"txretries":3,"req_timeouts":4,
        "disconnects":5,"txbytes":6,"rxbytes":7,"rtt":{"avg":8000,"p99":9000},"throttle":{"avg":10}}},
      "topics":{"t":{"partitions":{"0":{"partition":0,"desired":true,"consumer_lag":11,"consumer_lag_stored":12,
        "fetchq_cnt":13}}}},
      "cgrp":{"join_state":"init","assignment_size":14}})");
  ASSERT_TRUE(statistics) << statistics.error().detail;
  EXPECT_EQ(statistics->queue_messages, 1);
  EXPECT_EQ(statistics->queue_messages_max, 2);
  EXPECT_EQ(statistics->callback_queue_length, 3);
  ASSERT_EQ(statistics->brokers.size(), 1U);
  const auto& broker = statistics->brokers[0];
  EXPECT_TRUE(broker.up);
  EXPECT_EQ(broker.tx_errors, 1);
  EXPECT_EQ(broker.rx_errors, 2);
  EXPECT_EQ(broker.retries, 3);
  EXPECT_EQ(broker.request_timeouts, 4);
  EXPECT_EQ(broker.disconnects, 5);
  EXPECT_EQ(broker.tx_bytes, 6);
  EXPECT_EQ(broker.rx_bytes, 7);
  EXPECT_EQ(broker.rtt_avg_us, 8000);
  EXPECT_EQ(broker.rtt_p99_us, 9000);
  EXPECT_EQ(broker.throttle_avg_ms, 10);
  ASSERT_EQ(statistics->partitions.size(), 1U);
  EXPECT_EQ(statistics->partitions[0].topic, "t");
  EXPECT_EQ(statistics->partitions[0].lag, 11);
  EXPECT_EQ(statistics->partitions[0].stored_lag, 12);
  EXPECT_EQ(statistics->partitions[0].fetch_queue_messages, 13);
  EXPECT_FALSE(statistics->steady);
  EXPECT_EQ(statistics->assigned_partitions, 14);
}

TEST(KafkaStatisticsTest, AnythingElseIsAnErrorAndNeverACrash) {
  for (const std::string& text : {std::string(), std::string("x"), std::string("{"), std::string("{\"a\""),
                                  std::string("{\"a\":}"), std::string("{\"msg_cnt\":\"x\"}"), std::string("{} {"),
                                  std::string("{\"a\":\"\\"), "{\"a\":" + std::string(100000, '[')}) {
    EXPECT_FALSE(ParseKafkaStatistics(text)) << text.substr(0, 20);
  }
  const auto document = Document("consumer");
  for (std::size_t size = 0; size + 1 < document.size(); size += 7) {
    EXPECT_FALSE(ParseKafkaStatistics(document.substr(0, size))) << size;
  }
}

TEST_F(KafkaClientMetricsTest, BeforeStatisticsComeItShowsZeroAndTheStart) {
  EXPECT_EQ(ValueOf("client_stats_timestamp_seconds{client=\"producer\"}"), 100);
  EXPECT_EQ(ValueOf("producer_queue_messages{client=\"producer\"}"), 0);
  EXPECT_EQ(ValueOf("producer_queue_messages{client=\"consumer\"}"), -1);
  EXPECT_EQ(ValueOf("consumer_steady{client=\"consumer\"}"), 0);
  EXPECT_EQ(ValueOf("client_errors_total{client=\"producer\",code=\"_ALL_BROKERS_DOWN\"}"), 0);
  EXPECT_EQ(ValueOf("client_errors_total{client=\"admin\",code=\"_ALL_BROKERS_DOWN\"}"), -1);
}

TEST_F(KafkaClientMetricsTest, ShowsTheNewestStatistics) {
  metrics_.Update(ClientRole::kConsumer, Document("consumer"), kNow);
  EXPECT_EQ(ValueOf("client_stats_timestamp_seconds{client=\"consumer\"}"), 200);
  EXPECT_EQ(ValueOf("consumer_assigned_partitions{client=\"consumer\"}"), 4);
  EXPECT_EQ(ValueOf("consumer_steady{client=\"consumer\"}"), 1);
  EXPECT_EQ(ValueOf("broker_up{client=\"consumer\",broker=\"2\"}"), 1);
  EXPECT_EQ(ValueOf("partition_lag{topic=\"keystrand.events\",partition=\"3\"}"), 40);
}

TEST_F(KafkaClientMetricsTest, WhatIsNotKnownHasNoSeries) {
  metrics_.Update(ClientRole::kConsumer, Document("consumer"), kNow);
  metrics_.Update(ClientRole::kProducer, Document("producer"), kNow);
  EXPECT_EQ(ValueOf("broker_up{client=\"consumer\",broker=\"1\"}"), -1);  // never reached
  EXPECT_EQ(ValueOf("partition_lag{topic=\"keystrand.events\",partition=\"0\"}"), -1);
  EXPECT_EQ(ValueOf("partition_fetch_queue_messages{topic=\"keystrand.events\",partition=\"0\"}"), 0);
  EXPECT_EQ(ValueOf("partition_fetch_queue_messages{topic=\"keystrand.events\",partition=\"-1\"}"), -1);
}

TEST_F(KafkaClientMetricsTest, MicrosecondsAndMillisecondsBecomeSeconds) {
  KafkaStatistics statistics;
  KafkaStatistics::Broker broker;
  broker.node_id = 1;
  broker.reached = true;
  broker.rtt_avg_us = 1500;
  broker.rtt_p99_us = 2500;
  broker.throttle_avg_ms = 20;
  broker.disconnects = 9;
  statistics.brokers.push_back(broker);
  broker.node_id = -1;
  statistics.brokers.push_back(broker);
  metrics_.Update(ClientRole::kProducer, statistics, kNow);
  EXPECT_EQ(ValueOf("broker_rtt_avg_seconds{client=\"producer\",broker=\"1\"}"), 0.0015);
  EXPECT_EQ(ValueOf("broker_rtt_p99_seconds{client=\"producer\",broker=\"1\"}"), 0.0025);
  EXPECT_EQ(ValueOf("broker_throttle_avg_seconds{client=\"producer\",broker=\"1\"}"), 0.02);
  EXPECT_EQ(ValueOf("broker_disconnects_total{client=\"producer\",broker=\"1\"}"), 9);
  EXPECT_EQ(ValueOf("broker_up{client=\"producer\",broker=\"1\"}"), 0);
  EXPECT_EQ(ValueOf("broker_up{client=\"producer\",broker=\"-1\"}"), -1);
}

TEST_F(KafkaClientMetricsTest, ADocumentThatCannotBeReadChangesNothing) {
  metrics_.Update(ClientRole::kConsumer, Document("consumer"), kNow);
  metrics_.Update(ClientRole::kConsumer, "{\"broken", system_clock::time_point(seconds(300)));
  EXPECT_EQ(ValueOf("client_stats_timestamp_seconds{client=\"consumer\"}"), 200);
  EXPECT_EQ(ValueOf("consumer_assigned_partitions{client=\"consumer\"}"), 4);
}

TEST_F(KafkaClientMetricsTest, CountsClientErrorsByNameOrAsOther) {
  metrics_.ClientErrorSeen(ClientRole::kProducer, "_ALL_BROKERS_DOWN");
  metrics_.ClientErrorSeen(ClientRole::kProducer, "_SOMETHING_NEW");
  EXPECT_EQ(ValueOf("client_errors_total{client=\"producer\",code=\"_ALL_BROKERS_DOWN\"}"), 1);
  EXPECT_EQ(ValueOf("client_errors_total{client=\"producer\",code=\"other\"}"), 1);
}

TEST(ProduceMetricsTest, CountsByResultAndTimesEach) {
  Registry registry;
  ProduceMetrics metrics(registry, "keystrand.events");
  metrics.Produced(ProduceResult::kQueueFull, std::chrono::milliseconds(2));
  const auto samples = ParseExposition(registry.Text()).samples;
  EXPECT_EQ(samples.at("keystrand_produce_total{result=\"queue_full\",topic=\"keystrand.events\"}"), 1);
  EXPECT_EQ(samples.at("keystrand_produce_duration_seconds_sum{topic=\"keystrand.events\"}"), 0.002);
}

}  // namespace
}  // namespace keystrand::metrics
