#include "worker/system_gauges.h"

#include <gtest/gtest.h>

#include <ctime>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "tests/integration/support.h"

namespace keystrand::worker {
namespace {

using namespace testing_support;
using std::chrono::milliseconds;

constexpr std::int32_t kPartitions = 2;

class ClockAhead final : public Clock {
 public:
  [[nodiscard]] std::chrono::system_clock::time_point Now() const override {
    return std::chrono::system_clock::now() + std::chrono::seconds(100);
  }
  [[nodiscard]] std::chrono::steady_clock::time_point Steady() const override {
    return std::chrono::steady_clock::now();
  }
};

/// The database is shared with other tests, which are over: only differences are its own.
class SystemGaugesTest : public testing::Test {
 protected:
  SystemGaugesTest() { CreateTopic(topic_, kPartitions); }
  ~SystemGaugesTest() override {
    for (const auto* const table : {"strands", "parked_events"}) {
      Query("DELETE FROM keystrand." + std::string(table) + " WHERE topic = $1", {topic_});
    }
    Query("DELETE FROM keystrand.dead_letters WHERE source_topic = $1", {topic_});
  }

  void Start(const std::string& brokers = Brokers(), const std::string& database_url = DatabaseUrl()) {
    SystemGauges::Settings settings;
    settings.kafka = Kafka();
    settings.kafka.brokers = brokers;
    settings.topic = topic_;
    settings.group = topic_;
    settings.database.url = database_url;
    settings.interval = milliseconds(20);
    settings.timeout = milliseconds(2000);
    gauges_ = std::make_unique<SystemGauges>(settings, registry_, clock_, [this] { return assigned_; });
    if (brokers == Brokers() && database_url == DatabaseUrl()) WaitForRefresh();
  }

  /// Of one line of the exposition; -1: there is none.
  [[nodiscard]] double Value(const std::string& series) const {
    std::istringstream lines(registry_.Text());
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind(series + " ", 0) == 0) return std::stod(line.substr(series.size() + 1));
    }
    return -1;
  }
  [[nodiscard]] double Lag(int partition) const { return Value("keystrand_group_lag" + Of(partition)); }
  [[nodiscard]] double Oldest(int partition) const {
    return Value("keystrand_group_oldest_unprocessed_timestamp_seconds" + Of(partition));
  }
  [[nodiscard]] std::string Of(int partition) const {
    return "{group=\"" + topic_ + "\",topic=\"" + topic_ + "\",partition=\"" + std::to_string(partition) + "\"}";
  }
  /// Both sources were read anew.
  void WaitForRefresh() const {
    for (const std::string source : {"kafka", "postgres"}) {
      const auto series = "keystrand_refresh_timestamp_seconds{source=\"" + source + "\"}";
      const auto before = Value(series);
      ASSERT_TRUE(Eventually([&] { return Value(series) > before; })) << source;
    }
  }
  /// `change` moves the series by `difference`.
  void ExpectMoved(const std::string& series, double difference, const std::function<void()>& change) const {
    const auto before = Value(series);
    ASSERT_NE(before, -1) << series;
    change();
    EXPECT_TRUE(Eventually([&] { return Value(series) == before + difference; }))
        << series << " " << before << " became " << Value(series);
  }

  void AddLetter(int offset, const std::string& failed_at = "now()") const {
    Query(
        "INSERT INTO keystrand.dead_letters (source_topic, source_partition, source_offset, ordering_key, record_key, "
        "headers, payload, stage, error_code, error_message, fingerprint, attempts, first_failed_at, failed_at, "
        "worker) "
        "VALUES ($1, 0, $2, 'k', 'k', '[]', '{', 'parse', 'malformed', 'no JSON', 'f', 1, now(), " +
            failed_at + ", 'test')",
        {topic_, std::to_string(offset)});
  }
  void AddStrand(const std::string& key, const std::string& state, const std::string& reason,
                 const std::string& since = "now()") const {
    Query(
        "INSERT INTO keystrand.strands (topic, \"partition\", ordering_key, state, reason, since) VALUES ($1, 0, $2, "
        "$3, $4, " +
            since + ")",
        {topic_, key, state, reason});
    Query(
        "INSERT INTO keystrand.parked_events (topic, \"partition\", \"offset\", ordering_key, headers, payload, "
        "status) "
        "SELECT $1, 0, coalesce(max(\"offset\"), -1) + 1, $2, '[]', '{}', 'waiting' FROM keystrand.parked_events WHERE "
        "topic = $1",
        {topic_, key});
  }
  void AddAction(const std::string& action) const {
    Query("INSERT INTO keystrand.operator_actions (actor, action, subject) VALUES ('test', $1, '{}')", {action});
  }
  kafka::Position SendTo(std::int32_t partition) const {
    kafka::OutgoingRecord record;
    record.key = "k";
    record.partition = partition;
    record.value = "{}";
    return Produce(topic_, std::move(record));
  }

  const ClockAhead clock_;
  const std::string topic_ = UniqueName("gauges-");
  metrics::Registry registry_;
  std::vector<std::int32_t> assigned_{0, 1};
  std::unique_ptr<SystemGauges> gauges_;
};

TEST_F(SystemGaugesTest, ShowsOpenLettersAndSinceWhen) {
  Start();
  ExpectMoved("keystrand_dead_letters_open{error_code=\"malformed\"}", 2, [this] {
    AddLetter(0, "timestamptz '2001-02-03 04:05:06Z'");
    AddLetter(1);
  });
  EXPECT_EQ(Value("keystrand_dead_letters_oldest_open_timestamp_seconds"), 981173106);
  ExpectMoved("keystrand_dead_letters_open{error_code=\"malformed\"}", -1, [this] {
    Query("UPDATE keystrand.dead_letters SET status = 'resolved' WHERE source_topic = $1 AND source_offset = 0",
          {topic_});
  });
  EXPECT_GT(Value("keystrand_dead_letters_oldest_open_timestamp_seconds"), 981173106);
}

TEST_F(SystemGaugesTest, ShowsWhatIsParkedByReasonAndWhatIsHeld) {
  Start();
  for (const std::string reason : {"retry", "breaker"}) {
    ExpectMoved("keystrand_parked_events{reason=\"" + reason + "\"}", 1, [&] { AddStrand(reason, "parked", reason); });
  }
  EXPECT_GT(Value("keystrand_parked_oldest_timestamp_seconds"), 981173106);
  const auto held = Value("keystrand_strands_on_hold");
  for (const std::string reason : {"hold", "operator"}) {
    ExpectMoved("keystrand_parked_events{reason=\"" + reason + "\"}", 1,
                [&] { AddStrand(reason, "held", reason, "timestamptz '2001-02-03 04:05:06Z'"); });
  }
  EXPECT_EQ(Value("keystrand_strands_on_hold"), held + 2);
  EXPECT_EQ(Value("keystrand_parked_oldest_timestamp_seconds"), 981173106);
}

TEST_F(SystemGaugesTest, CountsWhatOperatorsDidToLetters) {
  Start();
  for (const std::string action : {"replayed", "discarded"}) {
    ExpectMoved("keystrand_dead_letter_actions_total{action=\"" + action + "\"}", 1,
                [&] { AddAction("dead_letter." + action); });
  }
}

TEST_F(SystemGaugesTest, ShowsWhatTheGroupHasNotCommittedPerPartition) {
  Start();
  EXPECT_EQ(Lag(0), 0);
  EXPECT_EQ(Oldest(0), 0);
  const auto first_s = static_cast<double>(std::time(nullptr));
  ExpectMoved("keystrand_group_lag" + Of(1), 2, [this] {
    SendTo(1);
    SendTo(1);
  });
  EXPECT_NEAR(Oldest(1), first_s, 10);
  EXPECT_EQ(Lag(0), 0);
  EXPECT_EQ(Oldest(0), 0);
}

TEST_F(SystemGaugesTest, ShowsTheDatabasesClock) {
  Start();
  EXPECT_NEAR(Value("keystrand_clock_skew_seconds"), -100, 1);
}

TEST_F(SystemGaugesTest, SourceThatIsAwayKeepsItsTimeAndCountsAndTheOtherGoesOn) {
  Start(Brokers(), "postgresql://nobody@127.0.0.1:1/none");
  const std::string failures = "keystrand_refresh_failures_total{source=\"postgres\"}";
  const std::string refreshed = "keystrand_refresh_timestamp_seconds{source=\"postgres\"}";
  const auto at_start = Value(refreshed);
  ASSERT_TRUE(Eventually([&] { return Value(failures) >= 3; }));
  EXPECT_EQ(Value(refreshed), at_start);
  ExpectMoved("keystrand_group_lag" + Of(0), 1, [this] { SendTo(0); });
}

TEST_F(SystemGaugesTest, KafkaAwayIsCountedByWhoHasNoPartitions) {
  assigned_.clear();
  Start("127.0.0.1:1");
  ASSERT_TRUE(Eventually([&] { return Value("keystrand_refresh_failures_total{source=\"kafka\"}") >= 1; }));
}

TEST_F(SystemGaugesTest, KafkaAwayIsCountedAndTheDatabaseIsStillRead) {
  Start("127.0.0.1:1");
  ASSERT_TRUE(Eventually([&] { return Value("keystrand_refresh_failures_total{source=\"kafka\"}") >= 1; }));
  EXPECT_EQ(Lag(0), -1);
  ExpectMoved("keystrand_dead_letter_actions_total{action=\"replayed\"}", 1,
              [this] { AddAction("dead_letter.replayed"); });
}

}  // namespace
}  // namespace keystrand::worker
