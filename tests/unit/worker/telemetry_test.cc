#include "worker/telemetry.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "common/kafka/partitioner.h"
#include "common/kafka/record_headers.h"
#include "tests/fakes/fake_record.h"
#include "worker/engine/event_reader.h"
#include "worker/store/dead_letters.h"

namespace keystrand::worker {
namespace {

using engine::EventOutcome;
using std::chrono::milliseconds;

constexpr std::int64_t kAcceptedMs = 1'700'000'000'000;

/// Two seconds after everything was accepted.
class FixedClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::system_clock::time_point Now() const override {
    return std::chrono::system_clock::time_point(milliseconds(kAcceptedMs + 2000));
  }
  [[nodiscard]] std::chrono::steady_clock::time_point Steady() const override {
    return std::chrono::steady_clock::time_point(std::chrono::hours(1));
  }
};

class TelemetryTest : public testing::Test {
 protected:
  static engine::Item Item(std::vector<kafka::Header> headers = {}, int attempts = 0) {
    engine::Item item;
    headers.push_back({kafka::header::kReceivedAt, std::to_string(kAcceptedMs)});
    item.record = std::make_unique<engine::FakeRecord>(
        "test/self/cus_1", 7, R"({"id":"evt_1","type":"customer.updated","livemode":false})", std::move(headers));
    engine::ReadItem(item, kafka::PartitionOf(item.record->key(), 12), 12, "");
    item.attempts = attempts;
    return item;
  }
  static store::DeadLetter Letter(const std::string& stage, int cycle = 0) {
    store::DeadLetter letter;
    letter.event_type = "customer.updated";
    letter.error_code = "rejected";
    letter.stage = stage;
    letter.cycle = cycle;
    letter.record_timestamp_ms = kAcceptedMs;
    return letter;
  }
  void Settle(EventOutcome outcome, const engine::Item& item) {
    telemetry_.OnSettled(item, 0, outcome, "", milliseconds(3));
  }

  /// Of one line of the exposition. Series of many labels begin with their first value: until then it is 0.
  [[nodiscard]] double Value(const std::string& series) const {
    const std::string text = "\n" + registry_.Text();
    const auto at = text.find("\n" + series + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + series.size() + 2));
  }
  void ExpectMoved(const std::string& series, double difference, const std::function<void()>& act) const {
    const auto before = Value(series);
    act();
    EXPECT_DOUBLE_EQ(Value(series), before + difference) << series;
  }

  const FixedClock clock_;
  metrics::Registry registry_;
  Telemetry telemetry_{registry_, clock_, "letters", 8, 200};
};

// Labels as the exposition has them: by name.
std::string Events(const std::string& outcome, const std::string& origin = "live") {
  return R"(keystrand_worker_events_total{event_type="customer.updated",origin=")" + origin + R"(",outcome=")" +
         outcome + R"("})";
}
std::string Attempts(const std::string& result) {
  return R"(keystrand_handler_attempts_total{event_type="customer.updated",result=")" + result + R"("})";
}
std::string Errors(const std::string& code) {
  return R"(keystrand_handler_errors_total{error_code=")" + code + R"(",event_type="customer.updated"})";
}

TEST_F(TelemetryTest, CountsEachOutcomeByItsOrigin) {
  const kafka::Header replay{kafka::header::kReplayId, "r"};
  ExpectMoved(Events("applied"), 1, [&] { Settle(EventOutcome::kApplied, Item()); });
  ExpectMoved(Events("stale"), 1, [&] { Settle(EventOutcome::kStale, Item()); });
  ExpectMoved(Events("ignored"), 1, [&] { Settle(EventOutcome::kIgnored, Item()); });
  ExpectMoved(Events("duplicate"), 1, [&] { Settle(EventOutcome::kDuplicate, Item()); });
  ExpectMoved(Events("applied", "replay"), 1, [&] { Settle(EventOutcome::kApplied, Item({replay})); });
  ExpectMoved(Events("dead_lettered"), 1, [&] { telemetry_.OnDeadLetter(Letter("handle")); });
  ExpectMoved(Events("dead_lettered", "replay"), 1, [&] { telemetry_.OnDeadLetter(Letter("handle", 1)); });
}

TEST_F(TelemetryTest, RedeliveriesAreNoOutcome) {
  ExpectMoved(Events("duplicate"), 0, [&] { Settle(EventOutcome::kRedelivered, Item()); });
  ExpectMoved("keystrand_worker_redelivered_total", 1, [&] { Settle(EventOutcome::kRedelivered, Item()); });
}

TEST_F(TelemetryTest, OnlyWhatAHandlerSawIsAnAttempt) {
  ExpectMoved(Attempts("ok"), 3, [&] {
    for (const auto outcome : {EventOutcome::kApplied, EventOutcome::kStale, EventOutcome::kIgnored}) {
      Settle(outcome, Item());
    }
  });
  ExpectMoved(Attempts("ok"), 0, [&] {
    for (const auto outcome : {EventOutcome::kDuplicate, EventOutcome::kRedelivered}) Settle(outcome, Item());
  });
  ExpectMoved(Attempts("retry"), 1, [&] { telemetry_.OnRetry(Item({}, 1), 0, {ErrorCode::kTimeout, ""}); });
  ExpectMoved(Errors("timeout"), 1, [&] { telemetry_.OnRetry(Item({}, 1), 0, {ErrorCode::kTimeout, ""}); });
  engine::Parking parking;
  parking.error = {ErrorCode::kTimeout, ""};
  ExpectMoved(Errors("timeout"), 1, [&] { telemetry_.OnParked(Item({}, 5), 0, parking); });
  parking.behind = true;
  ExpectMoved(Attempts("retry"), 0, [&] { telemetry_.OnParked(Item(), 0, parking); });
  ExpectMoved(Attempts("permanent"), 2, [&] {
    telemetry_.OnDeadLetter(Letter("handle"));
    telemetry_.OnDeadLetter(Letter("store"));
  });
  ExpectMoved(Errors("rejected"), 1, [&] { telemetry_.OnDeadLetter(Letter("handle")); });
  ExpectMoved(Attempts("permanent"), 0, [&] { telemetry_.OnDeadLetter(Letter("parse")); });
  ExpectMoved("keystrand_handler_duration_seconds_count{event_type=\"customer.updated\"}", 1,
              [&] { Settle(EventOutcome::kApplied, Item()); });
}

TEST_F(TelemetryTest, TimesAreThoseOfLiveEvents) {
  const kafka::Header replay{kafka::header::kReplayId, "r"};
  const std::string applied = "keystrand_end_to_end_seconds_sum{outcome=\"applied\"}";
  const std::string dead = "keystrand_end_to_end_seconds_sum{outcome=\"dead_lettered\"}";
  ExpectMoved(applied, 2, [&] { Settle(EventOutcome::kApplied, Item()); });
  ExpectMoved(applied, 0, [&] { Settle(EventOutcome::kApplied, Item({replay})); });
  ExpectMoved(dead, 2, [&] { telemetry_.OnDeadLetter(Letter("handle")); });
  ExpectMoved(dead, 0, [&] { telemetry_.OnDeadLetter(Letter("handle", 1)); });
  ExpectMoved("keystrand_queue_wait_seconds_count", 1, [&] { Settle(EventOutcome::kApplied, Item()); });
  ExpectMoved("keystrand_queue_wait_seconds_count", 0, [&] {
    Settle(EventOutcome::kApplied, Item({}, 1));
    Settle(EventOutcome::kApplied, Item({replay}));
  });
  EXPECT_DOUBLE_EQ(Value("keystrand_worker_last_applied_timestamp_seconds"), kAcceptedMs / 1000 + 2);
}

TEST_F(TelemetryTest, TraceContextThatCannotBeReadIsCounted) {
  const auto settle = [&](const std::string& traceparent) {
    Settle(EventOutcome::kApplied, Item({{kafka::header::kTraceparent, traceparent}}));
  };
  const std::string invalid = "keystrand_trace_context_invalid_total";
  ExpectMoved(invalid, 0, [&] { settle("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"); });
  ExpectMoved(invalid, 0, [&] { Settle(EventOutcome::kApplied, Item()); });
  for (const std::string bad : {"", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
                                "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                "00-0af7651916cd43dd8448eb211c80319c+b7ad6b7169203331-01", "nonsense"}) {
    ExpectMoved(invalid, 1, [&] { settle(bad); });
  }
}

TEST_F(TelemetryTest, CountsWhatTheEngineReports) {
  const auto moved = [&](const std::string& series, const std::function<void()>& act) { ExpectMoved(series, 1, act); };
  moved("keystrand_worker_conflicts_total", [&] { telemetry_.OnConflict(); });
  moved("keystrand_worker_bisects_total", [&] { telemetry_.OnBisect(); });
  moved("keystrand_db_connection_wait_seconds_count", [&] { telemetry_.OnBatch(milliseconds(1)); });
  moved("keystrand_worker_commits_in_doubt_total", [&] { telemetry_.OnCommitInDoubt(); });
  moved("keystrand_worker_fenced_total", [&] { telemetry_.OnFenced(0); });
  moved("keystrand_offset_commits_total{result=\"ok\"}", [&] { telemetry_.OnOffsetCommit(true, ""); });
  moved("keystrand_offset_commits_total{result=\"error\"}", [&] { telemetry_.OnOffsetCommit(false, "x"); });
  using Kind = engine::EngineObserver::Rebalance;
  moved("keystrand_rebalances_total{kind=\"assigned\"}", [&] { telemetry_.OnRebalance(Kind::kAssigned, 1); });
  moved("keystrand_rebalances_total{kind=\"revoked\"}", [&] { telemetry_.OnRebalance(Kind::kRevoked, 1); });
  moved("keystrand_rebalances_total{kind=\"lost\"}", [&] { telemetry_.OnRebalance(Kind::kLost, 1); });
  moved("keystrand_dead_letters_total{error_code=\"rejected\",event_type=\"customer.updated\"}",
        [&] { telemetry_.OnDeadLetter(Letter("handle")); });
  moved("keystrand_dead_letter_write_failures_total", [&] {
    telemetry_.OnLetterNotPublished(1, {ErrorCode::kUnavailable, ""});
  });
  moved("keystrand_db_reconnects_total", [&] { telemetry_.OnConnected(true); });
  ExpectMoved("keystrand_db_reconnects_total", 0, [&] { telemetry_.OnConnected(false); });
  moved("keystrand_db_errors_total{class=\"deadlock\",operation=\"commit\"}",
        [&] { telemetry_.OnError("commit", "40P01"); });
  moved("keystrand_db_operation_duration_seconds_count{operation=\"inbox_insert\"}",
        [&] { telemetry_.OnOperation("inbox_insert", milliseconds(1)); });
}

TEST_F(TelemetryTest, GaugesShowTheEnginesLoad) {
  engine::EngineStatus status;
  status.last_poll = clock_.Steady() - std::chrono::seconds(5);
  status.load = {11, 12, 13, 3, std::nullopt, 4};
  status.open_breakers = {"mirror"};
  telemetry_.Refresh(status);
  EXPECT_EQ(Value("keystrand_worker_events_buffered"), 11);
  EXPECT_EQ(Value("keystrand_worker_events_in_flight"), 12);
  EXPECT_EQ(Value("keystrand_worker_blocked_keys"), 13);
  EXPECT_EQ(Value("keystrand_worker_paused_partitions"), 4);
  EXPECT_EQ(Value("keystrand_worker_concurrency_limit"), 1600);
  EXPECT_EQ(Value("keystrand_db_connections{state=\"in_use\"}"), 3);
  EXPECT_EQ(Value("keystrand_db_connections{state=\"idle\"}"), 5);
  EXPECT_EQ(Value("keystrand_db_connections_max"), 8);
  EXPECT_EQ(Value("keystrand_worker_last_poll_timestamp_seconds"), kAcceptedMs / 1000 - 3);
  EXPECT_EQ(Value("keystrand_handler_breaker_open{event_type=\"customer.updated\"}"), 1);
  status.open_breakers.clear();
  telemetry_.Refresh(status);
  EXPECT_EQ(Value("keystrand_handler_breaker_open{event_type=\"customer.updated\"}"), 0);
}

}  // namespace
}  // namespace keystrand::worker
