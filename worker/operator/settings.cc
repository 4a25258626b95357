#include "worker/operator/settings.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <set>
#include <utility>

#include "common/kafka/client_settings.h"
#include "worker/operator/commands.h"
#include "worker/store/schema_version.h"

namespace keystrand::worker::op {
namespace {

using Problems = std::vector<std::string>;

constexpr std::size_t kActorBytesMax = 255;  // of the header replay-actor

// NOLINTBEGIN(concurrency-mt-unsafe): asked once, before there is a second thread
/// Who types: $USER, which sudo leaves to the one who called it in most set-ups, else the account's name.
std::string LoginName() {
  if (const char* user = std::getenv("USER"); user != nullptr && *user != '\0') return user;
  const passwd* account = getpwuid(geteuid());
  return account != nullptr ? account->pw_name : "uid " + std::to_string(geteuid());
}
// NOLINTEND(concurrency-mt-unsafe)

Problems KafkaProblems(const Settings& settings) {
  const auto checked = kafka::CheckProperties({"", "", settings.kafka});
  return checked ? Problems{} : Problems{checked.error().detail};
}

bool IsTopicName(const std::string& name) {  // Kafka's rule
  const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-'; };
  return !name.empty() && name.size() <= 249 && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), allowed);
}

Problems TopicProblems(const Settings& settings) {
  Problems problems;
  const std::pair<const char*, const std::string&> topics[] = {{"events-topic", settings.events_topic},
                                                               {"dead-letters-topic", settings.dead_letters_topic},
                                                               {"facts-topic", settings.facts_topic}};
  std::set<std::string> names;
  for (const auto& [setting, name] : topics) {
    if (!IsTopicName(name))
      problems.push_back(std::string(setting) + R"(: give 1 to 249 letters, digits, ".", "_" or "-")");
    if (!names.insert(name).second) problems.push_back(std::string(setting) + ": give each topic a name of its own");
  }
  return problems;
}

Problems ActorProblems(const Settings& settings) {
  if (!settings.actor.empty() && settings.actor.size() <= kActorBytesMax) return {};
  return {"actor: give 1 to " + std::to_string(kActorBytesMax) + " bytes: audit rows and replays name who acts"};
}

}  // namespace

void Settings::AddTo(config::Reader& reader) {
  actor = LoginName();
  reader.Add(kafka_brokers, {"kafka-brokers", "host:port of one or more brokers, comma separated"});
  reader.Add(events_topic, {"events-topic", "topic that the receivers write"});
  reader.Add(dead_letters_topic, {"dead-letters-topic", "topic for records that cannot be applied"});
  reader.Add(facts_topic, {"facts-topic", "topic of business facts for other teams"});
  reader.Add(group, {"group", "consumer group of the workers"});
  reader.Add(durability,
             {"durability",
              "what the topics must be: replicated (at least 3 copies, 2 of them in sync), or single-broker for local "
              "use"},
             {{"replicated", kafka::Durability::kReplicated}, {"single-broker", kafka::Durability::kSingleBroker}});
  reader.Add(body_bytes_max,
             {"body-bytes-max", "largest body that the receivers take; the topics must hold it with 16 KiB to spare"},
             config::Range<std::int64_t>{1024, 64L * 1024 * 1024}, "bytes");
  reader.Add(database_url, {"database-url", "PostgreSQL, as libpq takes it: postgresql://user@host/name"});
  reader.Add(database_password_file,
             {"database-password-file", "file with the password on its first line; read again at each connect"});
  reader.Add(account, {"account",
                       "your own account (acct_…), as the receivers and workers have it: import and rebuild count "
                       "events that name it as self"});
  reader.Add(inbox_days,
             {"inbox-days",
              "how long prune keeps what was settled; longer than both topics keep a record, or a late duplicate of a "
              "pruned event would be applied again"},
             config::Range<int>{1, 36500}, "days");
  reader.AddKafkaProperties(kafka);
  reader.Add(actor, {"actor", "who acts, as the audit rows say it; the login name unless set"});
  reader.Add(output,
             {"output",
              "text (or table, which is the same) for people, json for programs: an object a line, one of them or, of "
              "lists, one for each thing"},
             {{"text", Format::kText}, {"table", Format::kText}, {"json", Format::kJson}});
  reader.Add(timeout, {"timeout-ms", "how long to wait for an answer of Kafka or PostgreSQL"},
             {std::chrono::milliseconds(100), std::chrono::milliseconds(60'000)});
  AddCommands(reader, *this);
  reader.Check({"kafka"}, [this] { return KafkaProblems(*this); });
  reader.Check({"events-topic", "dead-letters-topic", "facts-topic"}, [this] { return TopicProblems(*this); });
  reader.Check({"actor"}, [this] { return ActorProblems(*this); });
}

store::DatabaseSettings Settings::Database() const {
  store::DatabaseSettings database;
  database.url = database_url.Reveal();
  database.password_file = database_password_file;
  database.application_name = "keystrand";
  database.schema_version_min = store::kSchemaVersion;
  database.connect_timeout = timeout;
  database.transaction_timeout = timeout;
  return database;
}

}  // namespace keystrand::worker::op
