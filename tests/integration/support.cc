#include "tests/integration/support.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <optional>
#include <thread>

#include "common/core/clock.h"

namespace keystrand::testing_support {
namespace {

std::string Required(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr) {
    ADD_FAILURE() << name << " is not set: run this inside tests/with-stack";
    std::exit(1);
  }
  return value;
}

const SystemClock kClock;

kafka::Producer& ProducerOf(const std::string& topic) {
  static std::map<std::string, std::unique_ptr<kafka::Producer>> producers;
  auto& producer = producers[topic];
  if (!producer) producer = std::move(kafka::Producer::Create({Kafka(), topic}, kClock, nullptr).value());
  return *producer;
}

}  // namespace

std::string Brokers() { return Required("KEYSTRAND_KAFKA_BROKERS"); }
std::string DatabaseUrl() { return Required("KEYSTRAND_DATABASE_URL"); }

std::string UniqueName(const std::string& prefix) {
  static std::atomic<int> next{0};
  const auto now = std::chrono::system_clock::now().time_since_epoch().count();
  return prefix + std::to_string(now) + "-" + std::to_string(getpid()) + "-" + std::to_string(next++);
}

kafka::ClientSettings Kafka(std::map<std::string, std::string> properties) {
  return {Brokers(), "keystrand-tests", std::move(properties)};
}

void CreateTopic(const std::string& topic, std::int32_t partitions) {
  const auto admin = std::move(kafka::Admin::Create(Kafka()).value());
  const auto created =
      admin->CreateTopic({topic, partitions, 1, {{"max.message.bytes", "2097152"}}}, std::chrono::seconds(10));
  ASSERT_TRUE(created) << created.error().detail;
  ASSERT_TRUE(Eventually([&] { return admin->Describe(topic, std::chrono::seconds(2)).has_value(); }));
}

bool Eventually(const std::function<bool()>& holds, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

std::vector<std::vector<std::string>> Query(const std::string& sql, const std::vector<std::string>& params) {
  worker::store::DatabaseSettings settings;
  settings.url = DatabaseUrl();
  worker::store::Session session(settings, nullptr);
  std::vector<std::vector<std::string>> table;
  const auto connected = session.Connect();
  EXPECT_TRUE(connected) << connected.error().detail;
  if (!connected) return table;
  worker::store::Params values;
  for (const auto& value : params) values.Add(value);
  const auto done = session.InTransaction([&](worker::store::Transaction& transaction) -> Result<> {
    const auto rows = transaction.Run({"test", sql.c_str()}, values);
    if (!rows) return Fail(rows.error());
    for (std::size_t i = 0; i < rows->size(); ++i) {
      std::vector<std::string> row;
      for (int column = 0; column < static_cast<int>(rows->columns()); ++column) {
        row.push_back(rows->IsNull(i, column) ? "∅" : std::string(rows->Text(i, column)));
      }
      table.push_back(std::move(row));
    }
    return {};
  });
  EXPECT_TRUE(done) << done.error().detail << " in " << sql;
  return table;
}

std::string QueryOne(const std::string& sql, const std::vector<std::string>& params) {
  const auto rows = Query(sql, params);
  return rows.empty() ? "" : rows.front().front();
}

kafka::Position Produce(const std::string& topic, kafka::OutgoingRecord record) {
  auto& producer = ProducerOf(topic);
  std::optional<Result<kafka::Position>> result;
  producer.Publish(std::move(record), [&](Result<kafka::Position> delivered) { result = std::move(delivered); });
  EXPECT_TRUE(Eventually([&] {
    producer.ServeFor(std::chrono::milliseconds(10));
    return result.has_value();
  }));
  EXPECT_TRUE(*result) << result->error().detail;
  return result->value();
}

}  // namespace keystrand::testing_support
