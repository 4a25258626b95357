#include "worker/operator/settings.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <set>
#include <utility>

#include "common/kafka/client_settings.h"
#include "worker/store/schema_version.h"

namespace keystrand::worker::op {
namespace {

using Problems = std::vector<std::string>;

/// Who types: $USER, which sudo leaves to the one who called it in most set-ups, else the account's name.
std::string LoginName() {
  if (const char* user = std::getenv("USER"); user != nullptr && *user != '\0') return user;
  const passwd* account = getpwuid(geteuid());
  return account != nullptr ? account->pw_name : "uid " + std::to_string(geteuid());
}

void AddTopicsCreate(config::Reader& reader, Settings& settings) {
  auto& command =
      reader.AddCommand("topics create",
                        "Makes the topics of events, dead letters and facts, and waits until they can be "
                        "used. Topics that exist stay as they are and are compared with what they should be");
  command.Require("kafka-brokers");
  command.Add(settings.partitions,
              {"partitions",
               "partitions of each topic: the most workers that can share the work; it cannot change later without "
               "moving keys. 0 stands for as many as the events topic has already, else 12"},
              config::Range<std::int32_t>{0, 1000});
  command.Add(settings.replication,
              {"replication", "copies of each record. 0 stands for 3, or the number of brokers where there are fewer"},
              config::Range<std::int32_t>{0, 15});
}

void AddStatus(config::Reader& reader, Settings& settings) {
  auto& command =
      reader.AddCommand("status",
                        "Shows topics, backlog, workers, dead letters and parked events on one screen. Exit "
                        "code: 0 healthy, 1 degraded, 2 Kafka or PostgreSQL cannot be asked");
  command.Require("kafka-brokers");
  command.Require("database-url");
  command.Add(settings.backlog_age_max,
              {"backlog-age-max-seconds", "an event that waits longer is a problem; the page of the alert rules"},
              {std::chrono::seconds(1), std::chrono::seconds(86400)});
}

void AddEventShow(config::Reader& reader, Settings& settings) {
  auto& command =
      reader.AddCommand("event show",
                        "Shows all that became of one event, in every scope: its record, its outcome, the "
                        "object that it changed, dead letters, retries and what operators did. Exit code: 1 if "
                        "nothing is known of it");
  command.Require("database-url");
  command.AddPositional(settings.event_id, "ID",
                        "the event's id (evt_…), or where its record lies (topic/partition/offset), for a body that "
                        "has no id");
  command.Add(settings.scope, {"scope", "only this one, as live/self or test/acct_…"});
  command.Add(settings.payload,
              {"payload",
               "print the body as it was received and nothing else; it holds personal data, so a row of "
               "operator_actions is written first, and --reason is needed"});
  command.Add(settings.reason, {"reason", "why the payload is looked at, for the audit"});
}

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
      problems.push_back(std::string(setting) + ": give 1 to 249 letters, digits, \".\", \"_\" or \"-\"");
    if (!names.insert(name).second) problems.push_back(std::string(setting) + ": give each topic a name of its own");
  }
  return problems;
}

Problems PayloadProblems(const Settings& settings) {
  if (!settings.payload || !settings.reason.empty()) return {};
  return {"--payload: give --reason \"…\" too: whoever audits must see why a body was looked at"};
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
  reader.AddKafkaProperties(kafka);
  reader.Add(actor, {"actor", "who acts, as the audit rows say it; the login name unless set"});
  reader.Add(output, {"output", "text for people, json (one object in one line) for programs"},
             {{"text", Format::kText}, {"json", Format::kJson}});
  reader.Add(timeout, {"timeout-ms", "how long to wait for an answer of Kafka or PostgreSQL"},
             {std::chrono::milliseconds(100), std::chrono::milliseconds(60'000)});
  AddTopicsCreate(reader, *this);
  AddStatus(reader, *this);
  AddEventShow(reader, *this);
  reader.Check({"kafka"}, [this] { return KafkaProblems(*this); });
  reader.Check({"events-topic", "dead-letters-topic", "facts-topic"}, [this] { return TopicProblems(*this); });
  reader.Check({"payload", "reason"}, [this] { return PayloadProblems(*this); });
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
