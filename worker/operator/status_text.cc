#include <algorithm>

#include "worker/operator/json.h"
#include "worker/operator/status.h"
#include "worker/operator/text.h"
#include "worker/operator/topics.h"

namespace keystrand::worker::op {
namespace {

using Align = Table::Align;

/// More rows than this do not fit on a screen with the rest: then only partitions with a backlog are shown.
constexpr std::size_t kPartitionRowsMax = 16;

const char* NameOf(Health health) {
  switch (health) {
    case Health::kHealthy: return "healthy";
    case Health::kDegraded: return "degraded";
    case Health::kDown: return "down";
  }
  std::abort();
}

/// "2026-11-24 01:02:03.004 (3 s ago)", or `none`.
std::string Ago(std::optional<std::int64_t> unix_ms, std::int64_t now_ms, const std::string& none) {
  return unix_ms ? ForPeople(*unix_ms) + " UTC (" + Span(now_ms - *unix_ms) + " ago)" : none;
}

const store::LeaseState* LeaseOf(const StatusReport& report, std::int32_t partition) {
  if (!report.database) return nullptr;
  const auto& leases = report.database->leases;
  const auto found =
      std::find_if(leases.begin(), leases.end(), [&](const auto& lease) { return lease.partition == partition; });
  return found == leases.end() ? nullptr : &*found;
}

std::string OwnerOf(const StatusReport& report, const store::LeaseState* lease) {
  if (lease == nullptr) return report.database ? "never taken" : "unknown";
  return lease->released_at_ms ? "given up by " + Safe(lease->owner) : Safe(lease->owner);
}

std::string TopicsPart(const KafkaStatus& kafka) {
  Table table({Align::kLeft, Align::kLeft, Align::kLeft});
  for (const auto& topic : kafka.topics) {
    const std::string state = !topic.seen ? "MISSING" : topic.problem.empty() ? "ok" : "UNFIT";
    table.Add({topic.topic, state, topic.seen ? Describe(*topic.seen) : ""});
  }
  return "Topics (" + Count(kafka.brokers, "broker") + ")\n" + table.Render("  ");
}

std::string LastSettled(const StatusReport& report) {
  const auto& settled = report.database->last_settled_ms;
  return settled ? Ago(*settled, report.now_ms, "none in the last day") : "unknown (" + settled.error().detail + ")";
}

std::string FlowPart(const StatusReport& report) {
  Table table({Align::kLeft, Align::kLeft});
  if (report.kafka) {
    table.Add({"backlog", Count(report.kafka->Backlog(), "event")});
    table.Add({"oldest waiting", Ago(report.kafka->OldestWaitingMs(), report.now_ms, "none")});
    table.Add({"last accepted", Ago(report.kafka->last_accepted_ms, report.now_ms, "none")});
  }
  if (report.database) {
    table.Add({"last settled", LastSettled(report)});
  }
  return "Flow\n" + table.Render("  ");
}

std::string WorkersPart(const StatusReport& report) {
  const auto& group = report.kafka->group;
  Table table({Align::kLeft, Align::kLeft, Align::kLeft});
  for (const auto& member : group.members) {
    table.Add({Safe(member.client_id), Safe(member.host),
               member.partitions.empty() ? "no partitions" : "partitions " + Ranges(member.partitions)});
  }
  const std::string members =
      group.members.empty() ? "none" : Count(static_cast<std::int64_t>(group.members.size()), "member");
  return "Workers (group " + report.group + ", " + group.state + ": " + members + ")\n" + table.Render("  ");
}

std::string PartitionsPart(const StatusReport& report) {
  const auto& partitions = report.kafka->partitions;
  if (partitions.empty()) return "";
  const bool few = partitions.size() <= kPartitionRowsMax;
  Table table({Align::kRight, Align::kRight, Align::kRight, Align::kRight, Align::kRight, Align::kRight, Align::kLeft});
  table.Add({"partition", "backlog", "waiting for", "committed", "end", "epoch", "lease"});
  std::size_t rows = 0;
  for (const auto& partition : partitions) {
    if (!few && (partition.Backlog() == 0 || rows == kPartitionRowsMax)) continue;
    ++rows;
    const auto* lease = LeaseOf(report, partition.partition);
    table.Add({std::to_string(partition.partition), Grouped(partition.Backlog()),
               partition.oldest_waiting_ms ? Span(report.now_ms - *partition.oldest_waiting_ms) : "-",
               partition.committed < 0 ? "-" : std::to_string(partition.committed), std::to_string(partition.end),
               lease == nullptr ? "-" : std::to_string(lease->epoch), OwnerOf(report, lease)});
  }
  std::string text = "Partitions\n" + table.Render("  ");
  if (rows < partitions.size()) {
    text += "  and " + std::to_string(partitions.size() - rows) + " more: --output json has all\n";
  }
  return text;
}

std::string LettersPart(const StatusReport& report) {
  const auto& database = *report.database;
  Table table({Align::kLeft, Align::kRight, Align::kLeft});
  for (const auto& open : database.open_letters) {
    table.Add({open.error_code, Grouped(open.letters),
               "oldest " + Span(report.now_ms - open.oldest_failed_at_ms) + ", " + open.oldest});
  }
  if (database.letters_replaying > 0) table.Add({"replaying", Grouped(database.letters_replaying)});
  if (database.letters_unpublished > 0) {
    table.Add({"not in the topic yet", Grouped(database.letters_unpublished)});
  }
  return std::string("Dead letters, open") + (database.open_letters.empty() ? ": none\n" : "\n") + table.Render("  ");
}

std::string ParkedPart(const StatusReport& report) {
  const auto& database = *report.database;
  if (database.strands.empty() && database.parked_events == 0) return "Parked: none\n";
  Table table({Align::kLeft, Align::kLeft, Align::kRight, Align::kLeft});
  for (const auto& strands : database.strands) {
    table.Add({strands.state, strands.reason, Count(strands.strands, "customer"),
               "oldest " + Span(report.now_ms - strands.oldest_since_ms)});
  }
  return "Parked (" + Count(database.parked_events, "event") + ")\n" + table.Render("  ");
}

void AddTopics(JsonWriter& json, const KafkaStatus& kafka) {
  json.Key("topics").BeginArray();
  for (const auto& topic : kafka.topics) {
    json.BeginObject().Field("topic", topic.topic).Field("fit", topic.problem.empty());
    json.TextOrNull("problem", topic.problem);
    if (topic.seen) {
      json.Field("partitions", topic.seen->partitions)
          .Field("replication", topic.seen->replication_factor)
          .Field("min_insync_replicas", topic.seen->min_insync_replicas)
          .Field("retention_ms", topic.seen->retention_ms)
          .Field("record_bytes_max", topic.seen->record_bytes_max);
    }
    json.EndObject();
  }
  json.EndArray();
}

void AddLease(JsonWriter& json, const store::LeaseState* lease) {
  json.Key("lease");
  if (lease == nullptr) {
    json.Null();
    return;
  }
  json.BeginObject()
      .Field("owner", lease->owner)
      .Field("epoch", lease->epoch)
      .Field("next_offset", lease->next_offset)
      .Time("acquired_at", lease->acquired_at_ms)
      .Time("released_at", lease->released_at_ms)
      .Field("suspects", lease->suspects)
      .EndObject();
}

void AddBacklog(JsonWriter& json, const StatusReport& report) {
  const auto& kafka = *report.kafka;
  const auto oldest = kafka.OldestWaitingMs();
  json.Key("backlog").BeginObject().Field("events", kafka.Backlog()).Time("oldest_waiting_at", oldest);
  json.Field("oldest_waiting_ms", oldest ? std::optional(report.now_ms - *oldest) : std::nullopt);
  json.Key("partitions").BeginArray();
  for (const auto& partition : kafka.partitions) {
    json.BeginObject()
        .Field("partition", partition.partition)
        .Field("backlog", partition.Backlog())
        .Field("log_start", partition.log_start)
        .Field("end", partition.end)
        .Field("committed", partition.committed < 0 ? std::nullopt : std::optional(partition.committed))
        .Time("oldest_waiting_at", partition.oldest_waiting_ms);
    AddLease(json, LeaseOf(report, partition.partition));
    json.EndObject();
  }
  json.EndArray().EndObject();
}

void AddWorkers(JsonWriter& json, const StatusReport& report) {
  const auto& group = report.kafka->group;
  json.Key("workers").BeginObject().Field("group", report.group).Field("state", group.state);
  json.Key("members").BeginArray();
  for (const auto& member : group.members) {
    json.BeginObject().Field("client_id", member.client_id).Field("host", member.host).Key("partitions").BeginArray();
    for (const auto partition : member.partitions) json.Int(partition);
    json.EndArray().EndObject();
  }
  json.EndArray().EndObject();
}

void AddDatabase(JsonWriter& json, const store::Overview& database) {
  std::int64_t open_letters = 0;
  json.Key("dead_letters").BeginObject().Key("by_error_code").BeginArray();
  for (const auto& open : database.open_letters) {
    open_letters += open.letters;
    json.BeginObject().Field("error_code", open.error_code).Field("open", open.letters);
    json.Time("oldest_failed_at", open.oldest_failed_at_ms).Field("oldest", open.oldest).EndObject();
  }
  json.EndArray()
      .Field("open", open_letters)
      .Field("replaying", database.letters_replaying)
      .Field("unpublished", database.letters_unpublished)
      .EndObject();
  json.Key("parked").BeginObject().Field("events", database.parked_events).Key("strands").BeginArray();
  for (const auto& strands : database.strands) {
    json.BeginObject().Field("state", strands.state).Field("reason", strands.reason).Field("strands", strands.strands);
    json.Time("oldest_since", strands.oldest_since_ms).EndObject();
  }
  json.EndArray().EndObject();
  json.Key("open_breakers").BeginArray();
  for (const auto& handler : database.open_breakers) json.Text(handler);
  json.EndArray();
}

}  // namespace

std::string StatusText(const StatusReport& report, const Verdict& verdict) {
  std::string health = NameOf(verdict.health);
  std::transform(health.begin(), health.end(), health.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
  std::string text = health + "  " + ForPeople(report.now_ms) + " UTC\n";
  for (const auto& problem : verdict.problems) text += "  ! " + Safe(problem) + "\n";
  if (report.kafka) text += "\n" + TopicsPart(*report.kafka);
  if (report.kafka || report.database) text += "\n" + FlowPart(report);
  if (report.kafka) text += "\n" + WorkersPart(report) + "\n" + PartitionsPart(report);
  if (report.database) text += "\n" + LettersPart(report) + ParkedPart(report);
  return text;
}

std::string StatusJson(const StatusReport& report, const Verdict& verdict) {
  JsonWriter json;
  json.BeginObject().Field("status", NameOf(verdict.health)).Time("checked_at", report.now_ms);
  json.Key("problems").BeginArray();
  for (const auto& problem : verdict.problems) json.Text(problem);
  json.EndArray();
  json.Field("kafka_reachable", report.kafka.has_value()).Field("database_reachable", report.database.has_value());
  if (report.kafka) {
    json.Field("brokers", report.kafka->brokers);
    AddTopics(json, *report.kafka);
    AddBacklog(json, report);
    AddWorkers(json, report);
    json.Time("last_accepted_at", report.kafka->last_accepted_ms);
  }
  if (report.database) {
    AddDatabase(json, *report.database);
    json.Time("last_settled_at", report.database->last_settled_ms.value_or(std::nullopt));
  }
  json.EndObject();
  return std::move(json).Take();
}

}  // namespace keystrand::worker::op
