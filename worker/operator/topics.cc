#include "worker/operator/topics.h"

#include <algorithm>
#include <thread>

#include "worker/operator/audit.h"
#include "worker/operator/json.h"
#include "worker/operator/text.h"

namespace keystrand::worker::op {
namespace {

constexpr std::int64_t kDayMs = 24L * 3600 * 1000;
constexpr std::int64_t kRecordBytesMax = std::int64_t{2} * 1024 * 1024;  // twice the usual body limit
constexpr std::int32_t kPartitions = 12;
constexpr std::int32_t kReplication = 3;
constexpr std::chrono::seconds kReadyTimeout{20};
constexpr std::chrono::milliseconds kReadyInterval{100};

TopicPlan Plan(const std::string& name, std::int64_t retention_days, std::int32_t partitions, std::int32_t copies,
               std::int64_t body_bytes_max) {
  TopicPlan plan;
  plan.retention_ms = retention_days * kDayMs;
  plan.min_insync_replicas = copies == 1 ? 1 : 2;
  plan.record_bytes_max = std::max(kRecordBytesMax, body_bytes_max + 2 * kafka::kRecordOverheadBytes);
  plan.wanted = {name,
                 partitions,
                 copies,
                 {{"cleanup.policy", "delete"},
                  {"retention.ms", std::to_string(plan.retention_ms)},
                  {"max.message.bytes", std::to_string(plan.record_bytes_max)},
                  {"min.insync.replicas", std::to_string(plan.min_insync_replicas)},
                  {"unclean.leader.election.enable", "false"}}};
  return plan;
}

/// All that exists of the plan, by its order.
Result<std::vector<std::optional<kafka::TopicDescription>>> Look(kafka::Admin& admin,
                                                                 const std::vector<std::string>& topics,
                                                                 std::chrono::milliseconds timeout) {
  std::vector<std::optional<kafka::TopicDescription>> found;
  for (const auto& topic : topics) {
    auto seen = admin.Describe(topic, timeout);
    if (!seen && seen.error().code != ErrorCode::kMisdeployed) return Fail(seen.error());
    found.push_back(seen ? std::optional(*seen) : std::nullopt);
  }
  return found;
}

/// Until each partition has a leader that answers.
Result<kafka::TopicDescription> WaitUntilReady(kafka::Admin& admin, const kafka::NewTopic& topic,
                                               std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + kReadyTimeout;
  while (true) {
    auto seen = admin.Describe(topic.name, timeout);
    const bool whole = seen && seen->partitions >= topic.partitions;
    if (whole && admin.QueryWatermarks(topic.name, kafka::FirstPartitions(seen->partitions), timeout)) return seen;
    if (std::chrono::steady_clock::now() > deadline) {
      return Fail(ErrorCode::kUnavailable, "topic " + topic.name + " was made but has no leader yet: run this again");
    }
    std::this_thread::sleep_for(kReadyInterval);
  }
}

std::string Subject(const std::vector<TopicPlan>& missing) {
  JsonWriter json;
  json.BeginObject().Key("topics").BeginArray();
  for (const auto& plan : missing) json.Text(plan.wanted.name);
  json.EndArray()
      .Field("partitions", missing.front().wanted.partitions)
      .Field("replication", missing.front().wanted.replication_factor)
      .EndObject();
  return std::move(json).Take();
}

/// Empty if the row was written; else why not. The one action that may go ahead without: it changes Kafka only, and a
/// new installation may have topics before it has a database.
std::string AuditCreation(const Settings& settings, const std::vector<TopicPlan>& missing) {
  if (settings.database_url.empty()) return "no database is configured (KEYSTRAND_DATABASE_URL)";
  const auto written = Audit(settings, {{}, "topics.create", {}, {}, Subject(missing)});
  return written ? "" : DatabaseTrouble(written.error());
}

Result<TopicDone> CreateOne(kafka::Admin& admin, const TopicPlan& plan, const Settings& settings) {
  const auto created = admin.CreateTopic(plan.wanted, settings.timeout);
  if (!created) return Fail(created.error());
  const auto seen = WaitUntilReady(admin, plan.wanted, settings.timeout);
  if (!seen) return Fail(seen.error());
  return TopicDone{plan.wanted.name, *created == kafka::TopicCreated::kCreated, *seen,
                   Differences(plan, settings, *seen)};
}

/// One run over a reachable cluster.
class Creation {
 public:
  Creation(kafka::Admin& admin, const Settings& settings) : admin_(admin), settings_(settings) {}

  Result<> Run() {
    auto plans = Prepare();
    if (!plans) return Fail(plans.error());
    std::vector<TopicPlan> missing;
    for (std::size_t i = 0; i < plans->size(); ++i) {
      if (!found_[i]) missing.push_back((*plans)[i]);
    }
    if (!missing.empty()) audit_ = AuditCreation(settings_, missing);
    for (std::size_t i = 0; i < plans->size(); ++i) {
      if (auto done = Settle((*plans)[i], found_[i]); !done) return done;
    }
    return {};
  }

  [[nodiscard]] const std::vector<TopicDone>& topics() const { return topics_; }
  [[nodiscard]] const std::string& audit() const { return audit_; }

 private:
  Result<std::vector<TopicPlan>> Prepare() {
    const auto brokers = admin_.BrokerCount(settings_.timeout);
    if (!brokers) return Fail(brokers.error());
    auto found =
        Look(admin_, {settings_.events_topic, settings_.dead_letters_topic, settings_.facts_topic}, settings_.timeout);
    if (!found) return Fail(found.error());
    found_ = std::move(*found);
    return PlanTopics(settings_, {*brokers, found_.front() ? found_.front()->partitions : 0});
  }

  Result<> Settle(const TopicPlan& plan, const std::optional<kafka::TopicDescription>& found) {
    if (found) {
      topics_.push_back({plan.wanted.name, false, *found, Differences(plan, settings_, *found)});
      return {};
    }
    auto done = CreateOne(admin_, plan, settings_);
    if (!done) return Fail(done.error());
    topics_.push_back(std::move(*done));
    return {};
  }

  kafka::Admin& admin_;
  const Settings& settings_;
  std::vector<std::optional<kafka::TopicDescription>> found_;
  std::vector<TopicDone> topics_;
  std::string audit_;
};

std::string Warnings(const Creation& creation) {
  std::string text;
  if (!creation.audit().empty()) text += Line("warning: no audit row was written: " + creation.audit());
  for (const auto& topic : creation.topics()) {
    for (const auto& warning : topic.warnings) text += Line("warning: " + warning);
  }
  return text;
}

}  // namespace

Result<std::vector<TopicPlan>> PlanTopics(const Settings& settings, const Cluster& cluster) {
  if (settings.replication > cluster.brokers) {
    return Fail(ErrorCode::kRejected, "--replication " + std::to_string(settings.replication) + ": there " +
                                          (cluster.brokers == 1 ? "is " : "are ") + Count(cluster.brokers, "broker") +
                                          ", and each copy needs one; ask for fewer copies");
  }
  const std::int32_t usual = cluster.events_partitions != 0 ? cluster.events_partitions : kPartitions;
  const std::int32_t partitions = settings.partitions != 0 ? settings.partitions : usual;
  const std::int32_t copies =
      settings.replication != 0 ? settings.replication : std::min(kReplication, cluster.brokers);
  const auto plan = [&](const std::string& name, std::int64_t days) {
    return Plan(name, days, partitions, copies, settings.body_bytes_max);
  };
  return std::vector{plan(settings.events_topic, 35), plan(settings.dead_letters_topic, 90),
                     plan(settings.facts_topic, 35)};
}

std::vector<std::string> Differences(const TopicPlan& plan, const Settings& settings,
                                     const kafka::TopicDescription& seen) {
  std::vector<std::string> differences;
  const auto& name = plan.wanted.name;
  if (seen.partitions != plan.wanted.partitions) {
    differences.push_back("topic " + name + " has " + Count(seen.partitions, "partition") + ", not " +
                          std::to_string(plan.wanted.partitions) +
                          ": it stays so, since keys would move; all topics need the same number");
  }
  const kafka::TopicRequirement required{name, settings.body_bytes_max + kafka::kRecordOverheadBytes};
  if (const auto judged = kafka::JudgeTopic(required, settings.durability, 0, seen); !judged) {
    differences.push_back(judged.error().detail);
  }
  if (seen.retention_ms != -1 && seen.retention_ms < plan.retention_ms) {
    differences.push_back("topic " + name + " keeps records for " + Span(seen.retention_ms) +
                          " only: set retention.ms to " + std::to_string(plan.retention_ms));
  }
  return differences;
}

std::string Describe(const kafka::TopicDescription& seen) {
  return Count(seen.partitions, "partition") + ", " + Count(seen.replication_factor, "copy", "copies") + " (" +
         std::to_string(seen.min_insync_replicas) + " must be in sync), kept " +
         (seen.retention_ms < 0 ? "for ever" : Span(seen.retention_ms)) + ", records up to " +
         Grouped(seen.record_bytes_max) + " bytes";
}

std::string TopicsText(const std::vector<TopicDone>& topics) {
  Table table({Table::Align::kLeft, Table::Align::kLeft, Table::Align::kLeft});
  for (const auto& topic : topics) table.Add({topic.topic, topic.created ? "created" : "exists", Describe(topic.seen)});
  return table.Render("");
}

std::string TopicsJson(const std::vector<TopicDone>& topics, const std::string& audit) {
  JsonWriter json;
  json.BeginObject().Key("topics").BeginArray();
  for (const auto& topic : topics) {
    json.BeginObject()
        .Field("topic", topic.topic)
        .Field("result", topic.created ? "created" : "exists")
        .Field("partitions", topic.seen.partitions)
        .Field("replication", topic.seen.replication_factor)
        .Field("min_insync_replicas", topic.seen.min_insync_replicas)
        .Field("retention_ms", topic.seen.retention_ms)
        .Field("record_bytes_max", topic.seen.record_bytes_max)
        .Key("warnings")
        .BeginArray();
    for (const auto& warning : topic.warnings) json.Text(warning);
    json.EndArray().EndObject();
  }
  json.EndArray().TextOrNull("audit_problem", audit).EndObject();
  return std::move(json).Take();
}

Reply CreateTopics(const Settings& settings) {
  const auto trouble = [&](const Error& error) {
    return Reply{ExitCodeOf(error), "", Line(KafkaTrouble(error, settings.kafka_brokers))};
  };
  const auto admin = kafka::Admin::Create(settings.Client());
  if (!admin) return trouble(admin.error());
  Creation creation(**admin, settings);
  const auto done = creation.Run();
  Reply reply = done ? Reply{} : trouble(done.error());
  const bool json = settings.output == Format::kJson;
  if (done || !json) reply.out = json ? TopicsJson(creation.topics(), creation.audit()) : TopicsText(creation.topics());
  reply.err = (json && done ? "" : Warnings(creation)) + reply.err;
  return reply;
}

}  // namespace keystrand::worker::op
