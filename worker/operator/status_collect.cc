#include <algorithm>

#include "common/kafka/record_reader.h"
#include "worker/operator/status.h"

namespace keystrand::worker::op {
namespace {

/// Asks the brokers, step by step; the first failure ends it.
class KafkaQuestions {
 public:
  KafkaQuestions(kafka::Admin& admin, const Settings& settings) : admin_(admin), settings_(settings) {}

  Result<KafkaStatus> Run() {
    const auto brokers = admin_.BrokerCount(settings_.timeout);
    if (!brokers) return Fail(brokers.error());
    status_.brokers = *brokers;
    for (const auto& topic : {settings_.events_topic, settings_.dead_letters_topic, settings_.facts_topic}) {
      if (auto asked = AskTopic(topic); !asked) return Fail(asked.error());
    }
    auto group = admin_.DescribeGroup(settings_.group, settings_.events_topic, settings_.timeout);
    if (!group) return Fail(group.error());
    status_.group = std::move(*group);
    if (status_.topics.front().seen) {
      if (auto asked = AskPartitions(status_.topics.front().seen->partitions); !asked) return Fail(asked.error());
      if (auto asked = AskTimes(); !asked) return Fail(asked.error());
    }
    return std::move(status_);
  }

 private:
  Result<> AskTopic(const std::string& topic) {
    const auto seen = admin_.Describe(topic, settings_.timeout);
    if (!seen && seen.error().code != ErrorCode::kMisdeployed) return Fail(seen.error());
    TopicStatus status{topic, std::nullopt, ""};
    if (seen) {
      status.seen = *seen;
      status.problem = ProblemOf(topic, *seen);
    } else {
      status.problem = seen.error().detail;
    }
    status_.topics.push_back(std::move(status));
    return {};
  }

  [[nodiscard]] std::string ProblemOf(const std::string& topic, const kafka::TopicDescription& seen) const {
    const kafka::TopicRequirement required{topic, settings_.body_bytes_max + kafka::kRecordOverheadBytes};
    if (const auto judged = kafka::JudgeTopic(required, settings_.durability, 0, seen); !judged) {
      return judged.error().detail;
    }
    const bool letters = topic == settings_.dead_letters_topic && !status_.topics.empty();
    const auto& events = letters ? status_.topics.front().seen : std::nullopt;
    if (!events) return "";
    const auto judged = kafka::JudgeSamePartitions(settings_.events_topic, events->partitions, topic, seen.partitions);
    return judged ? "" : judged.error().detail;
  }

  Result<> AskPartitions(std::int32_t count) {
    const auto committed = admin_.Committed(settings_.group, settings_.events_topic, count, settings_.timeout);
    if (!committed) return Fail(committed.error());
    const auto marks = admin_.QueryWatermarks(settings_.events_topic, kafka::FirstPartitions(count), settings_.timeout);
    if (!marks) return Fail(marks.error());
    for (std::int32_t partition = 0; partition < count; ++partition) {
      const auto at = static_cast<std::size_t>(partition);
      status_.partitions.push_back({partition, (*marks)[at].low, (*marks)[at].high, (*committed)[at], std::nullopt});
    }
    return {};
  }

  /// The time of the first record not committed, and of the newest record of all.
  Result<> AskTimes() {
    std::vector<kafka::Position> waiting;
    std::vector<kafka::Position> newest;
    for (const auto& partition : status_.partitions) {
      if (partition.Backlog() > 0) waiting.push_back({partition.partition, partition.Next()});
      if (partition.end > partition.log_start) newest.push_back({partition.partition, partition.end - 1});
    }
    auto reader = kafka::RecordReader::Open(settings_.Client());
    if (!reader) return Fail(reader.error());
    const auto oldest_records = reader->Read(settings_.events_topic, waiting, settings_.timeout);
    if (!oldest_records) return Fail(oldest_records.error());
    for (const auto& record : *oldest_records) {
      if (record) PartitionOf(record->position.partition).oldest_waiting_ms = record->timestamp_ms;
    }
    const auto newest_records = reader->Read(settings_.events_topic, newest, settings_.timeout);
    if (!newest_records) return Fail(newest_records.error());
    for (const auto& record : *newest_records) {
      if (record) status_.last_accepted_ms = std::max(status_.last_accepted_ms.value_or(0), record->timestamp_ms);
    }
    return {};
  }

  PartitionStatus& PartitionOf(std::int32_t partition) {
    return status_.partitions[static_cast<std::size_t>(partition)];
  }

  kafka::Admin& admin_;
  const Settings& settings_;
  KafkaStatus status_;
};

Result<KafkaStatus> AskKafka(const Settings& settings) {
  const auto admin = kafka::Admin::Create(settings.Client());
  if (!admin) return Fail(admin.error());
  return KafkaQuestions(**admin, settings).Run();
}

Result<DatabaseStatus> AskDatabase(const Settings& settings) {
  store::Session session(settings.Database(), nullptr);
  if (auto connected = session.Connect(); !connected) return Fail(connected.error());
  DatabaseStatus status;
  const auto asked = session.InTransaction([&](store::Transaction& transaction) -> Result<> {
    auto overview = store::ReadOverview(transaction, settings.events_topic);
    if (!overview) return Fail(overview.error());
    static_cast<store::Overview&>(status) = std::move(*overview);
    return {};
  });
  if (!asked) return Fail(asked.error());
  const auto settled = session.InTransaction([&](store::Transaction& transaction) -> Result<> {
    status.last_settled_ms = store::ReadLastSettledMs(transaction);
    if (!status.last_settled_ms) return Fail(status.last_settled_ms.error());
    return {};
  });
  if (!settled) status.last_settled_ms = Fail(settled.error());
  return status;
}

}  // namespace

StatusReport Collect(const Settings& settings) {
  auto kafka = AskKafka(settings);
  auto database = AskDatabase(settings);
  return {NowMs(), settings.group, std::move(kafka), std::move(database)};
}

}  // namespace keystrand::worker::op
