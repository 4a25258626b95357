#pragma once

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/kafka/partitioner.h"
#include "common/kafka/record_headers.h"
#include "common/stripe/envelope.h"
#include "tests/integration/support.h"
#include "worker/engine/engine.h"
#include "worker/handlers/mirror.h"
#include "worker/store/dead_letters.h"

/// An engine on real servers, with topics, a group and a Stripe account of its own.
namespace keystrand::worker::engine {

using namespace testing_support;

inline constexpr std::int32_t kPartitions = 3;
inline constexpr std::int64_t kReceivedAt = 1'700'000'000;  ///< Unix s: of all events

class Counts final : public EngineObserver {
 public:
  void OnSettled(const Item&, std::int32_t, EventOutcome outcome, std::string_view, std::chrono::nanoseconds) override {
    ++outcomes[static_cast<std::size_t>(outcome)];
  }
  void OnDeadLetter(const store::DeadLetter&) override { ++dead; }
  void OnFenced(std::int32_t) override { ++fenced; }
  void OnRewound(std::int32_t, std::int64_t, std::int64_t) override { ++rewound; }
  void OnBisect() override { ++bisects; }
  void OnConflict() override { ++conflicts; }
  void OnParked(const Item&, std::int32_t, const Parking& parking) override { ++(parking.behind ? behind : parked); }

  [[nodiscard]] int Of(EventOutcome outcome) const { return outcomes[static_cast<std::size_t>(outcome)]; }

  std::array<std::atomic<int>, 6> outcomes{};
  std::atomic<int> dead{0};
  std::atomic<int> fenced{0};
  std::atomic<int> rewound{0};
  std::atomic<int> bisects{0};
  std::atomic<int> conflicts{0};
  std::atomic<int> parked{0};
  std::atomic<int> behind{0};
};

/// How often each statement was executed.
class Statements final : public store::DatabaseObserver {
 public:
  void OnOperation(std::string_view statement, std::chrono::nanoseconds) override {
    const std::lock_guard lock(mutex_);
    ++times_[std::string(statement)];
  }
  [[nodiscard]] int Of(const std::string& statement) const {
    const std::lock_guard lock(mutex_);
    const auto found = times_.find(statement);
    return found == times_.end() ? 0 : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, int> times_;
};

/// Topics and a Stripe account of its own, so that tests share servers and see only their own rows.
class EngineTest : public testing::Test {
 protected:
  EngineTest() {
    CreateTopic(events_, kPartitions);
    CreateTopic(letters_, kPartitions);
  }

  void Start() {
    EngineSettings settings;
    settings.kafka = Kafka({{"session.timeout.ms", "6000"}, {"heartbeat.interval.ms", "200"}});
    settings.events_topic = events_;
    settings.dead_letters_topic = letters_;
    settings.group = events_;
    settings.durability = kafka::Durability::kSingleBroker;
    settings.worker = "test";
    settings.executors = 3;
    settings.database.url = DatabaseUrl();
    settings.retry = retry_;
    settings.parked_interval = std::chrono::milliseconds(20);
    settings.duplicates.careful_events = careful_events_;
    settings.rows = rows_;
    auto engine = Engine::Start(settings, handlers_, clock_, {counts_, &statements_});
    ASSERT_TRUE(engine) << engine.error().detail;
    engine_ = std::move(*engine);
  }
  void Stop() { engine_.reset(); }
  /// Before the handlers of a test end, which its executors call.
  void TearDown() override { Stop(); }

  /// A customer.updated event; `fields` are members of the customer, as JSON.
  [[nodiscard]] std::string Event(const std::string& id, const std::string& customer, std::int64_t created,
                                  const std::string& fields = R"("name":"x")",
                                  const std::string& type = "customer.updated",
                                  const std::string& previous = "") const {
    return R"({"id":")" + id + R"(","object":"event","account":")" + account_ + R"(","created":)" +
           std::to_string(created) + R"(,"livemode":false,"type":")" + type + R"(","data":{"object":{"id":")" +
           customer + R"(","object":"customer",)" + fields + "}" +
           (previous.empty() ? "" : R"(,"previous_attributes":)" + previous) + "}}";
  }

  kafka::Position Send(const std::string& body, std::vector<kafka::Header> more_headers = {}) {
    kafka::OutgoingRecord record;
    const auto envelope = stripe::ParseEnvelope(body, "");
    record.key = envelope ? envelope->ordering_key : stripe::UnreadableKey("test", body);
    record.partition = kafka::PartitionOf(record.key, kPartitions);
    record.value = body;
    record.headers = {{kafka::header::kReceivedAt, std::to_string(kReceivedAt * 1000)},
                      {kafka::header::kExpectedMode, "any"}};
    for (auto& header : more_headers) record.headers.push_back(std::move(header));
    return Produce(events_, std::move(record));
  }

  [[nodiscard]] std::string Customer(const std::string& id, const std::string& column) const {
    return QueryOne("SELECT " + column + " FROM stripe.customers WHERE scope = $1 AND id = $2", {scope_, id});
  }
  [[nodiscard]] std::string Inbox(const std::string& event_id) const {
    return QueryOne("SELECT status FROM keystrand.inbox WHERE scope = $1 AND event_id = $2", {scope_, event_id});
  }
  [[nodiscard]] bool Settled(int events) const {
    int settled = counts_.dead;
    for (const auto& outcome : counts_.outcomes) settled += outcome;
    return settled >= events;
  }

  const SystemClock clock_;
  const std::string events_ = UniqueName("events-");
  const std::string letters_ = UniqueName("letters-");
  const std::string account_ = "acct_" + UniqueName("");
  const std::string scope_ = "test/" + account_;
  handlers::Mirror mirror_{handlers::MirrorPolicy{}};
  std::vector<const handlers::Handler*> handlers_{&mirror_};
  RetrySettings retry_;
  std::int64_t careful_events_ = 1000;  ///< until it is guessed which events are new
  memory::RowMemory::Settings rows_;
  Counts counts_;
  Statements statements_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace keystrand::worker::engine
