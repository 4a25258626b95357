#include "tests/unit/common/metrics/exposition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "common/metrics/database_metrics.h"
#include "common/metrics/http_metrics.h"
#include "common/metrics/kafka_metrics.h"
#include "common/metrics/process_metrics.h"
#include "common/metrics/receiver_metrics.h"
#include "common/metrics/worker_metrics.h"

namespace keystrand::metrics {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::system_clock;
using testing::ElementsAreArray;
using testing::UnorderedElementsAreArray;

using Edges = std::vector<std::string>;
const Edges kHttp = {"0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10"};
const Edges kHandler = {"0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1",
                        "0.25",  "0.5",    "1",     "2.5",  "5",     "10",   "30"};
const Edges kPath = {"0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1",    "2.5",
                     "5",    "10",    "30",   "60",  "300",  "900", "3600", "21600"};
const Edges kDb = {"0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05",
                   "0.1",    "0.25",  "0.5",    "1",     "2.5",  "5"};

struct Expected {
  std::string name;
  std::string type;
  std::vector<std::string> labels;
  Edges edges;
};

const std::vector<Expected> kEveryProcess = {
    {"keystrand_build_info", "gauge", {"version", "revision"}, {}},
    {"keystrand_ready", "gauge", {"check"}, {}},
    {"keystrand_draining", "gauge", {}, {}},
    {"keystrand_log_messages_total", "counter", {"level"}, {}},
    {"keystrand_log_dropped_total", "counter", {}, {}},
    {"process_cpu_seconds_total", "counter", {}, {}},
    {"process_resident_memory_bytes", "gauge", {}, {}},
    {"process_open_fds", "gauge", {}, {}},
    {"process_max_fds", "gauge", {}, {}},
    {"process_start_time_seconds", "gauge", {}, {}},
};

const std::vector<Expected> kProducing = {
    {"keystrand_produce_duration_seconds", "histogram", {"topic"}, kHandler},
    {"keystrand_produce_total", "counter", {"topic", "result"}, {}},
};

const std::vector<Expected> kClient = {
    {"keystrand_kafka_client_stats_timestamp_seconds", "gauge", {"client"}, {}},
    {"keystrand_kafka_producer_queue_messages", "gauge", {"client"}, {}},
    {"keystrand_kafka_producer_queue_max_messages", "gauge", {"client"}, {}},
    {"keystrand_kafka_callback_queue_length", "gauge", {"client"}, {}},
    {"keystrand_kafka_broker_up", "gauge", {"client", "broker"}, {}},
    {"keystrand_kafka_broker_rtt_avg_seconds", "gauge", {"client", "broker"}, {}},
    {"keystrand_kafka_broker_rtt_p99_seconds", "gauge", {"client", "broker"}, {}},
    {"keystrand_kafka_broker_throttle_avg_seconds", "gauge", {"client", "broker"}, {}},
    {"keystrand_kafka_broker_tx_errors_total", "counter", {"client", "broker"}, {}},
    {"keystrand_kafka_broker_rx_errors_total", "counter", {"client", "broker"}, {}},
    {"keystrand_kafka_broker_retries_total", "counter", {"client", "broker"}, {}},
    {"keystrand_kafka_broker_request_timeouts_total", "counter", {"client", "broker"}, {}},
    {"keystrand_kafka_broker_disconnects_total", "counter", {"client", "broker"}, {}},
    {"keystrand_kafka_broker_tx_bytes_total", "counter", {"client", "broker"}, {}},
    {"keystrand_kafka_broker_rx_bytes_total", "counter", {"client", "broker"}, {}},
    {"keystrand_kafka_client_errors_total", "counter", {"client", "code"}, {}},
};

const std::vector<Expected> kConsumer = {
    {"keystrand_kafka_consumer_assigned_partitions", "gauge", {"client"}, {}},
    {"keystrand_kafka_consumer_steady", "gauge", {"client"}, {}},
    {"keystrand_kafka_partition_lag", "gauge", {"topic", "partition"}, {}},
    {"keystrand_kafka_partition_stored_lag", "gauge", {"topic", "partition"}, {}},
    {"keystrand_kafka_partition_fetch_queue_messages", "gauge", {"topic", "partition"}, {}},
};

const std::vector<Expected> kReceiver = {
    {"keystrand_http_requests_total", "counter", {"handler", "method", "code"}, {}},
    {"keystrand_http_request_duration_seconds", "histogram", {"handler", "code_class"}, kHttp},
    {"keystrand_http_requests_in_flight", "gauge", {}, {}},
    {"keystrand_http_request_body_bytes", "histogram", {}, {"1024", "4096", "16384", "65536", "262144", "1048576"}},
    {"keystrand_signature_verifications_total", "counter", {"result", "secret"}, {}},
    {"keystrand_receiver_events_total", "counter", {"outcome", "reason"}, {}},
    {"keystrand_receiver_accepted_events_total", "counter", {"event_type", "livemode"}, {}},
    {"keystrand_receiver_last_accepted_timestamp_seconds", "gauge", {}, {}},
    {"keystrand_source_delay_seconds",
     "histogram",
     {},
     {"0.5", "1", "2.5", "5", "10", "30", "60", "300", "1800", "3600", "21600", "86400", "259200"}},
};

const std::vector<Expected> kWorker = {
    {"keystrand_worker_events_total", "counter", {"event_type", "outcome", "origin"}, {}},
    {"keystrand_handler_attempts_total", "counter", {"event_type", "result"}, {}},
    {"keystrand_handler_errors_total", "counter", {"event_type", "error_code"}, {}},
    {"keystrand_handler_duration_seconds", "histogram", {"event_type"}, kHandler},
    {"keystrand_queue_wait_seconds", "histogram", {}, kPath},
    {"keystrand_end_to_end_seconds", "histogram", {"outcome"}, kPath},
    {"keystrand_worker_events_in_flight", "gauge", {}, {}},
    {"keystrand_worker_concurrency_limit", "gauge", {}, {}},
    {"keystrand_worker_events_buffered", "gauge", {}, {}},
    {"keystrand_worker_blocked_keys", "gauge", {}, {}},
    {"keystrand_worker_paused_partitions", "gauge", {}, {}},
    {"keystrand_worker_last_poll_timestamp_seconds", "gauge", {}, {}},
    {"keystrand_worker_last_applied_timestamp_seconds", "gauge", {}, {}},
    {"keystrand_offset_commits_total", "counter", {"result"}, {}},
    {"keystrand_rebalances_total", "counter", {"kind"}, {}},
    {"keystrand_trace_context_invalid_total", "counter", {}, {}},
    {"keystrand_worker_nul_replaced_total", "counter", {}, {}},
    {"keystrand_worker_fenced_total", "counter", {}, {}},
    {"keystrand_worker_redelivered_total", "counter", {}, {}},
    {"keystrand_worker_commits_in_doubt_total", "counter", {}, {}},
    {"keystrand_worker_bisects_total", "counter", {}, {}},
    {"keystrand_worker_conflicts_total", "counter", {}, {}},
    {"keystrand_handler_breaker_open", "gauge", {"event_type"}, {}},
    {"keystrand_dead_letters_total", "counter", {"event_type", "error_code"}, {}},
    {"keystrand_dead_letter_write_failures_total", "counter", {}, {}},
    {"keystrand_db_operation_duration_seconds", "histogram", {"operation"}, kDb},
    {"keystrand_db_errors_total", "counter", {"operation", "class"}, {}},
    {"keystrand_db_connections", "gauge", {"state"}, {}},
    {"keystrand_db_connections_max", "gauge", {}, {}},
    {"keystrand_db_connection_wait_seconds", "histogram", {}, kDb},
    {"keystrand_db_reconnects_total", "counter", {}, {}},
};

std::vector<Expected> Joined(std::initializer_list<std::vector<Expected>> parts) {
  std::vector<Expected> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

void ExpectFamilies(const Exposition& exposition, const std::vector<Expected>& expected) {
  std::set<std::string> names;
  for (const auto& family : expected) {
    SCOPED_TRACE(family.name);
    names.insert(family.name);
    const auto found = exposition.families.find(family.name);
    ASSERT_NE(found, exposition.families.end());
    EXPECT_EQ(found->second.type, family.type);
    EXPECT_TRUE(found->second.has_help);
    EXPECT_THAT(found->second.label_names, UnorderedElementsAreArray(family.labels));
    EXPECT_THAT(found->second.bucket_edges, ElementsAreArray(family.edges));
  }
  for (const auto& [name, family] : exposition.families) EXPECT_EQ(names.count(name), 1U) << name << " is not listed";
  EXPECT_EQ(exposition.repeated, 0U);
}

/// Statistics as three brokers and twelve partitions give them.
KafkaStatistics FullStatistics() {
  KafkaStatistics statistics;
  for (int node = 1; node <= 3; ++node) {
    KafkaStatistics::Broker broker;
    broker.node_id = node;
    broker.up = broker.reached = true;
    statistics.brokers.push_back(broker);
  }
  for (int i = 0; i < 12; ++i) {
    KafkaStatistics::Partition partition;
    partition.topic = "keystrand.events";
    partition.partition = i;
    partition.lag = partition.stored_lag = 0;
    partition.desired = true;
    statistics.partitions.push_back(partition);
  }
  return statistics;
}

ProcessInfo Info(std::vector<std::string> checks) {
  return {"0.1.0", "a1b2c3d", [checks] {
            std::vector<ReadyCheck> states;
            for (const auto& name : checks) states.push_back({name, true});
            return states;
          }};
}

/// All that a receiver exports.
struct ReceiverProcess {
  Registry registry;
  ReceiverMetrics receiver{registry};
  ProduceMetrics produce{registry, "keystrand.events"};
  KafkaClientMetrics kafka{registry, {ClientRole::kProducer}, system_clock::now()};
  ProcessMetrics process{registry, Info({"settings", "secrets", "broker", "topic", "queue", "draining"})};
};

/// All that a worker exports, with as many statements as are allowed.
struct WorkerProcess {
  Registry registry;
  WorkerMetrics worker{registry, system_clock::now()};
  DatabaseMetrics database{
      registry, {"commit", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"}, 10};
  ProduceMetrics produce{registry, "keystrand.dead-letters"};
  KafkaClientMetrics kafka{registry, {ClientRole::kProducer, ClientRole::kConsumer}, system_clock::now()};
  ProcessMetrics process{registry, Info({"settings", "group", "database", "schema", "topic", "draining"})};
};

TEST(ExpositionTest, TheReceiverShowsTheListedMetricsAndNoOther) {
  ReceiverProcess receiver;
  receiver.kafka.Update(ClientRole::kProducer, FullStatistics(), system_clock::now());
  ExpectFamilies(ParseExposition(receiver.registry.Text()), Joined({kReceiver, kProducing, kClient, kEveryProcess}));
}

TEST(ExpositionTest, TheWorkerShowsTheListedMetricsAndNoOther) {
  WorkerProcess worker;
  worker.kafka.Update(ClientRole::kConsumer, FullStatistics(), system_clock::now());
  ExpectFamilies(ParseExposition(worker.registry.Text()),
                 Joined({kWorker, kProducing, kClient, kConsumer, kEveryProcess}));
}

TEST(ExpositionTest, SeriesStayWithinTheirBudgets) {
  ReceiverProcess receiver;
  receiver.kafka.Update(ClientRole::kProducer, FullStatistics(), system_clock::now());
  const auto of_receiver = ParseExposition(receiver.registry.Text()).series();
  RecordProperty("receiver_series", static_cast<int>(of_receiver));
  EXPECT_LE(of_receiver, 400U);
  WorkerProcess worker;
  worker.kafka.Update(ClientRole::kProducer, FullStatistics(), system_clock::now());
  worker.kafka.Update(ClientRole::kConsumer, FullStatistics(), system_clock::now());
  const auto of_worker = ParseExposition(worker.registry.Text()).series();
  RecordProperty("worker_series", static_cast<int>(of_worker));
  EXPECT_LE(of_worker, 1500U);
  std::printf("series: receiver %zu of 400, worker %zu of 1500\n", of_receiver, of_worker);
}

TEST(ExpositionTest, EverySeriesThatIsOursBeginsAtZero) {
  const std::set<std::string> not_zero = {"keystrand_build_info", "keystrand_ready", "keystrand_db_connections_max",
                                          "keystrand_kafka_client_stats_timestamp_seconds",
                                          "keystrand_worker_last_poll_timestamp_seconds"};
  for (const auto& text : {ReceiverProcess().registry.Text(), WorkerProcess().registry.Text()}) {
    for (const auto& [series, value] : ParseExposition(text).samples) {
      const auto name = series.substr(0, series.find('{'));
      if (name.starts_with("process_") || name.starts_with("keystrand_log_") || not_zero.count(name) > 0) continue;
      EXPECT_EQ(value, 0) << series;
    }
  }
}

TEST(ExpositionTest, SeriesThatAlertsCompareExistFromTheStart) {
  const auto receiver = ParseExposition(ReceiverProcess().registry.Text()).samples;
  for (const auto* series :
       {"keystrand_receiver_events_total{outcome=\"failed\",reason=\"queue_timeout\"}",
        "keystrand_receiver_events_total{outcome=\"accepted\",reason=\"none\"}",
        "keystrand_signature_verifications_total{result=\"valid\",secret=\"secondary\"}",
        "keystrand_signature_verifications_total{result=\"mismatch\",secret=\"none\"}",
        "keystrand_http_requests_total{code=\"503\",handler=\"stripe\",method=\"POST\"}",
        "keystrand_http_requests_total{code=\"404\",handler=\"other\",method=\"other\"}",
        "keystrand_http_request_duration_seconds_bucket{code_class=\"2xx\",handler=\"stripe\",le=\"0.5\"}",
        "keystrand_receiver_accepted_events_total{event_type=\"other\",livemode=\"true\"}",
        "keystrand_produce_total{result=\"ok\",topic=\"keystrand.events\"}"}) {
    EXPECT_EQ(receiver.count(series), 1U) << series;
  }
  const auto worker = ParseExposition(WorkerProcess().registry.Text()).samples;
  for (const auto* series :
       {"keystrand_worker_events_total{event_type=\"invoice.paid\",origin=\"replay\",outcome=\"dead_lettered\"}",
        "keystrand_dead_letters_total{error_code=\"malformed\",event_type=\"other\"}",
        "keystrand_dead_letters_total{error_code=\"crashed\",event_type=\"customer.created\"}",
        "keystrand_handler_errors_total{error_code=\"misdeployed\",event_type=\"invoice.paid\"}",
        "keystrand_db_errors_total{class=\"serialization\",operation=\"commit\"}",
        "keystrand_end_to_end_seconds_bucket{outcome=\"applied\",le=\"30\"}",
        "keystrand_rebalances_total{kind=\"lost\"}"}) {
    EXPECT_EQ(worker.count(series), 1U) << series;
  }
}

double ValueOf(const Registry& registry, const std::string& series) {
  const auto samples = ParseExposition(registry.Text()).samples;
  const auto found = samples.find(series);
  return found == samples.end() ? -1 : found->second;
}

TEST(HttpMetricsTest, ShowsWhatTheServerCounts) {
  Registry registry;
  HttpFigures figures{3, 17, 4096, 5, 2, 1, std::chrono::sys_seconds(seconds(1800000000)), {{"header_seconds", 5, 9}}};
  AddHttpMetrics(registry, [&] { return figures; });
  const auto value = [&](const std::string& series) { return ValueOf(registry, "keystrand_" + series); };
  EXPECT_EQ(value("http_connections"), 3);
  EXPECT_EQ(value("http_connections_accepted_total"), 17);
  EXPECT_EQ(value("http_bytes_in_flight"), 4096);
  EXPECT_EQ(value("tls_handshakes_total{result=\"completed\"}"), 5);
  EXPECT_EQ(value("tls_handshakes_total{result=\"failed\"}"), 2);
  EXPECT_EQ(value("proxy_headers_refused_total"), 1);
  EXPECT_EQ(value("tls_certificate_expiry_timestamp_seconds"), 1800000000);
  EXPECT_EQ(value("bound_limit{bound=\"header_seconds\"}"), 5);
  EXPECT_EQ(value("bound_hits_total{bound=\"header_seconds\"}"), 9);
  figures.connections = 4;
  EXPECT_EQ(value("http_connections"), 4);
}

TEST(ReceiverMetricsTest, CountsEachCallInItsSeries) {
  Registry registry;
  ReceiverMetrics metrics(registry);
  metrics.RequestAnswered(0, Method::kPost, 200, milliseconds(400));
  metrics.RequestAnswered(0, Method::kPost, 418, milliseconds(1));
  metrics.RequestAnswered(std::nullopt, Method::kOther, 503, milliseconds(1));
  metrics.SignatureVerified(0, Verification::kValid, SigningSecret::kSecondary);
  metrics.Delivered(DeliveryOutcome::kFailedQueueFull);
  metrics.EventAccepted(EventTypeOf("invoice.paid"), Livemode::kTrue, system_clock::time_point(seconds(1700000000)));
  metrics.BodyRead(3000);
  metrics.SourceDelay(seconds(-5));
  metrics.requests_in_flight().Add(2);
  metrics.requests_in_flight().Add(-1);
  const auto value = [&](const std::string& series) { return ValueOf(registry, "keystrand_" + series); };
  EXPECT_EQ(value("http_requests_total{code=\"200\",handler=\"stripe\",method=\"POST\"}"), 1);
  EXPECT_EQ(value("http_requests_total{code=\"other\",handler=\"stripe\",method=\"POST\"}"), 1);
  EXPECT_EQ(value("http_requests_total{code=\"503\",handler=\"other\",method=\"other\"}"), 1);
  EXPECT_EQ(value("http_request_duration_seconds_bucket{code_class=\"2xx\",handler=\"stripe\",le=\"0.5\"}"), 1);
  EXPECT_EQ(value("http_request_duration_seconds_bucket{code_class=\"2xx\",handler=\"stripe\",le=\"0.25\"}"), 0);
  EXPECT_EQ(value("http_request_duration_seconds_count{code_class=\"5xx\",handler=\"other\"}"), 1);
  EXPECT_EQ(value("signature_verifications_total{result=\"valid\",secret=\"secondary\"}"), 1);
  EXPECT_EQ(value("receiver_events_total{outcome=\"failed\",reason=\"queue_full\"}"), 1);
  EXPECT_EQ(value("receiver_accepted_events_total{event_type=\"invoice.paid\",livemode=\"true\"}"), 1);
  EXPECT_EQ(value("receiver_last_accepted_timestamp_seconds"), 1700000000);
  EXPECT_EQ(value("http_request_body_bytes_sum"), 3000);
  EXPECT_EQ(value("source_delay_seconds_sum"), 0);
  EXPECT_EQ(value("source_delay_seconds_count"), 1);
  EXPECT_EQ(value("http_requests_in_flight"), 1);
}

TEST(WorkerMetricsTest, CountsEachCallInItsSeries) {
  Registry registry;
  WorkerMetrics metrics(registry, system_clock::time_point(seconds(5)));
  const auto value = [&](const std::string& series) { return ValueOf(registry, "keystrand_" + series); };
  EXPECT_EQ(value("worker_last_poll_timestamp_seconds"), 5);
  const auto type = EventTypeOf("charge.refunded");
  metrics.Settled(type, EventOutcome::kDuplicate, Origin::kReplay);
  metrics.Attempted(type, AttemptResult::kRetry, milliseconds(20));
  metrics.AttemptFailed(type, ErrorCode::kTimeout);
  metrics.AttemptFailed(type, ErrorCode::kConflict);  // not made in advance
  metrics.AttemptFailed(type, ErrorCode::kConflict);
  metrics.Waited(milliseconds(-3));
  metrics.Finished(EndToEndOutcome::kApplied, seconds(29));
  metrics.DeadLettered(kOtherEventType, ErrorCode::kMalformed);
  metrics.OffsetCommitted(CommitResult::kError);
  metrics.Rebalanced(Rebalance::kRevoked);
  metrics.Polled(system_clock::time_point(seconds(6)));
  metrics.Applied(system_clock::time_point(seconds(7)));
  metrics.SetBreaker(type, true);
  metrics.fenced.Increment();
  EXPECT_EQ(value("worker_events_total{event_type=\"charge.refunded\",origin=\"replay\",outcome=\"duplicate\"}"), 1);
  EXPECT_EQ(value("handler_attempts_total{event_type=\"charge.refunded\",result=\"retry\"}"), 1);
  EXPECT_EQ(value("handler_duration_seconds_sum{event_type=\"charge.refunded\"}"), 0.02);
  EXPECT_EQ(value("handler_errors_total{error_code=\"timeout\",event_type=\"charge.refunded\"}"), 1);
  EXPECT_EQ(value("handler_errors_total{error_code=\"conflict\",event_type=\"charge.refunded\"}"), 2);
  EXPECT_EQ(value("queue_wait_seconds_sum"), 0);
  EXPECT_EQ(value("end_to_end_seconds_bucket{outcome=\"applied\",le=\"30\"}"), 1);
  EXPECT_EQ(value("end_to_end_seconds_bucket{outcome=\"applied\",le=\"10\"}"), 0);
  EXPECT_EQ(value("dead_letters_total{error_code=\"malformed\",event_type=\"other\"}"), 1);
  EXPECT_EQ(value("offset_commits_total{result=\"error\"}"), 1);
  EXPECT_EQ(value("rebalances_total{kind=\"revoked\"}"), 1);
  EXPECT_EQ(value("worker_last_poll_timestamp_seconds"), 6);
  EXPECT_EQ(value("worker_last_applied_timestamp_seconds"), 7);
  EXPECT_EQ(value("handler_breaker_open{event_type=\"charge.refunded\"}"), 1);
  EXPECT_EQ(value("worker_fenced_total"), 1);
}

TEST(DatabaseMetricsTest, UnknownStatementsAreOther) {
  Registry registry;
  DatabaseMetrics metrics(registry, {"commit"}, 10);
  metrics.Operation("commit", milliseconds(3));
  metrics.Operation("no such statement", milliseconds(3));
  metrics.Error("commit", "40001");
  metrics.Error("another", "");
  metrics.SetConnections(2, 1);
  metrics.WaitedForConnection(milliseconds(1));
  const auto value = [&](const std::string& series) { return ValueOf(registry, "keystrand_db_" + series); };
  EXPECT_EQ(value("operation_duration_seconds_count{operation=\"commit\"}"), 1);
  EXPECT_EQ(value("operation_duration_seconds_count{operation=\"other\"}"), 1);
  EXPECT_EQ(value("errors_total{class=\"serialization\",operation=\"commit\"}"), 1);
  EXPECT_EQ(value("errors_total{class=\"connection\",operation=\"other\"}"), 1);
  EXPECT_EQ(value("connections{state=\"in_use\"}"), 2);
  EXPECT_EQ(value("connections{state=\"idle\"}"), 1);
  EXPECT_EQ(value("connections_max"), 10);
  EXPECT_EQ(value("connection_wait_seconds_count"), 1);
}

}  // namespace
}  // namespace keystrand::metrics
