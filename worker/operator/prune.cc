#include "worker/operator/prune.h"

#include <algorithm>
#include <utility>

#include "worker/operator/audit.h"
#include "worker/operator/database.h"
#include "worker/operator/json.h"
#include "worker/operator/text.h"
#include "worker/store/pruning.h"

namespace keystrand::worker::op {
namespace {

constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
/// Counting reads all that is old; deleting a chunk is quick.
constexpr std::chrono::milliseconds kTransactionTimeoutMin{60'000};

/// How long a topic may still hold a record, at most, and a day for clocks and cleaning; -1: for ever.
std::int64_t KeptMs(const kafka::TopicDescription& seen) {
  return seen.retention_ms < 0 ? -1 : seen.retention_ms + seen.segment_ms + kDayMs;
}

std::string KeptText(const KeptTopic& topic) {
  if (topic.seen.retention_ms < 0) return topic.topic + " for ever (retention.ms is -1)";
  return topic.topic + " for up to " + Span(KeptMs(topic.seen)) + " (retention.ms " + Span(topic.seen.retention_ms) +
         ", segment.ms " + Span(topic.seen.segment_ms) + ", and a day)";
}

Result<std::vector<KeptTopic>> AskTopics(const Settings& settings) {
  const auto admin = kafka::Admin::Create(settings.Client());
  if (!admin) return Fail(admin.error());
  std::vector<KeptTopic> topics;
  for (const auto& topic : {settings.events_topic, settings.dead_letters_topic}) {
    const auto seen = (*admin)->Describe(topic, settings.timeout);
    if (!seen) return Fail(seen.error());
    topics.push_back({topic, *seen});
  }
  return topics;
}

void AddCounts(JsonWriter& json, const store::PruneCounts& counts) {
  json.Field("events", counts.events).Field("dead_letters", counts.letters).Field("outbox", counts.effects);
}

std::string Subject(const Settings& settings, const store::PruneCounts& counts) {
  JsonWriter json;
  json.BeginObject().Field("inbox_days", settings.inbox_days).Field("chunk", settings.chunk);
  AddCounts(json, counts);
  json.EndObject();
  return std::move(json).Take();
}

std::string CountsText(const Settings& settings, const store::PruneCounts& counts, const char* verb) {
  Table table({Table::Align::kLeft, Table::Align::kRight});
  table.Add({"events settled", Grouped(counts.events)});
  table.Add({"dead letters resolved or discarded", Grouped(counts.letters)});
  table.Add({"outbox rows delivered", Grouped(counts.effects)});
  return std::string(verb) + ", older than " + Count(settings.inbox_days, "day") + "\n" + table.Render("  ");
}

std::string CountsJson(const Settings& settings, const store::PruneCounts& counts) {
  JsonWriter json;
  json.BeginObject().Field("inbox_days", settings.inbox_days).Field("dry_run", settings.dry_run);
  AddCounts(json, counts);
  json.EndObject();
  return std::move(json).Take();
}

Reply Present(const Settings& settings, const store::PruneCounts& counts, const char* verb) {
  return {kOk, settings.output == Format::kJson ? CountsJson(settings, counts) : CountsText(settings, counts, verb),
          ""};
}

Reply RunPrune(const Settings& settings, store::Session& session, const store::PruneCounts& found) {
  const std::chrono::seconds age = std::chrono::hours(24 * settings.inbox_days);
  if (auto audited = Audit(settings, {{}, "rows.pruned", settings.reason, {}, Subject(settings, found)}); !audited) {
    return Failed("nothing was deleted, because no audit row could be written: " + DatabaseTrouble(audited.error()));
  }
  store::PruneCounts done;
  const auto pruned = store::Prune(session, age, settings.chunk, done);
  Reply reply = Present(settings, done, "deleted");
  if (!pruned) {
    reply.exit_code = kFailed;
    reply.err = Line("stopped midway: " + DatabaseTrouble(pruned.error()) +
                     "; what was deleted is as it should be, run this again");
  }
  return reply;
}

}  // namespace

Result<> JudgeRetention(int inbox_days, const std::vector<KeptTopic>& topics) {
  std::int64_t needed_ms = 0;
  bool for_ever = false;
  std::vector<std::string> kept;
  for (const auto& topic : topics) {
    needed_ms = std::max(needed_ms, KeptMs(topic.seen));
    for_ever |= KeptMs(topic.seen) < 0;
    kept.push_back(KeptText(topic));
  }
  if (!for_ever && inbox_days * kDayMs >= needed_ms) return {};
  const std::string remedy = for_ever
                                 ? "give the topic a retention.ms"
                                 : "set KEYSTRAND_INBOX_DAYS to " + std::to_string((needed_ms + kDayMs - 1) / kDayMs) +
                                       " or more, or lower retention.ms";
  return Fail(ErrorCode::kRejected,
              "inbox-days is " + std::to_string(inbox_days) + ", but records are kept in " + Join(kept, " and in ") +
                  ": an event that was pruned before its last record could be applied again; " + remedy);
}

Reply Prune(const Settings& settings) {
  const auto topics = AskTopics(settings);
  if (!topics) return Failed("nothing was deleted: " + KafkaTrouble(topics.error(), settings.kafka_brokers));
  if (auto judged = JudgeRetention(settings.inbox_days, *topics); !judged) {
    return Failed("nothing was deleted: " + judged.error().detail);
  }
  auto database = settings.Database();
  database.transaction_timeout = std::max(database.transaction_timeout, kTransactionTimeoutMin);
  store::Session session(std::move(database), nullptr);
  if (auto connected = session.Connect(); !connected) return Failed(DatabaseTrouble(connected.error()));
  const auto found = Ask(session, [&](store::Transaction& transaction) {
    return store::CountPrunable(transaction, std::chrono::hours(24 * settings.inbox_days));
  });
  if (!found) return Failed(DatabaseTrouble(found.error()));
  if (settings.dry_run) return Present(settings, *found, "would be deleted");
  if (found->events + found->letters + found->effects == 0) return Present(settings, *found, "deleted");
  return RunPrune(settings, session, *found);
}

}  // namespace keystrand::worker::op
