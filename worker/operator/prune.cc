#include "worker/operator/prune.h"

#include <algorithm>
#include <utility>

#include "worker/operator/audit.h"
#include "worker/operator/database.h"
#include "worker/operator/json.h"
#include "worker/operator/text.h"
#include "worker/store/pruning.h"
#include "worker/upkeep/retention.h"

namespace keystrand::worker::op {
namespace {

/// Counting reads all that is old; deleting a chunk is quick.
constexpr std::chrono::milliseconds kTransactionTimeoutMin{60'000};

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

Reply Prune(const Settings& settings) {
  const auto kept = upkeep::CheckRetention(settings.Client(), {settings.events_topic, settings.dead_letters_topic},
                                           settings.inbox_days, settings.timeout);
  if (!kept) {
    const bool refused = kept.error().code == ErrorCode::kRejected;
    return Failed("nothing was deleted: " +
                  (refused ? kept.error().detail : KafkaTrouble(kept.error(), settings.kafka_brokers)));
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
