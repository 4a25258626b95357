#include "worker/operator/commands.h"

#include <charconv>

#include "worker/operator/gaps.h"

namespace keystrand::worker::op {
namespace {

using Problems = std::vector<std::string>;

constexpr config::Range<std::int64_t> kLimits{0, 1'000'000'000};
constexpr const char* kIdHelp = "a dead letter: where its record first lay (topic/partition/offset), or its event's id";

Problems PayloadProblems(const Settings& settings) {
  if ((!settings.payload && !settings.raw) || !settings.reason.empty()) return {};
  return {"--payload, --raw: give --reason \"…\" too: whoever audits must see why a body was looked at"};
}

/// What was chosen, and that something was.
Problems ChoiceProblems(const Settings& settings, const char* status) {
  const auto& letters = settings.letters;
  Problems problems = letters.Problems();
  if (!letters.ids.empty() && letters.HasFilter()) problems.emplace_back("give IDs or a filter, not both");
  if (letters.ids.empty() && !letters.HasFilter() && !settings.resume) {
    problems.push_back(std::string("give IDs, or at least one filter: --status ") + status + " stands for all of them");
  }
  if (problems.empty() && !letters.status.empty() && letters.status != status) {
    problems.push_back("--status = \"" + letters.status + "\": only letters that are " + status +
                       " can be chosen here");
  }
  return problems;
}

Problems ReplayProblems(const Settings& settings) {
  Problems problems = ChoiceProblems(settings, settings.resume ? "replaying" : "open");
  if (settings.reason.empty() && !settings.resume && !settings.dry_run) {
    problems.emplace_back("--reason: not given; whoever audits must see why letters were replayed");
  }
  return problems;
}

Problems DiscardProblems(const Settings& settings) {
  Problems problems = ChoiceProblems(settings, "open");
  if (settings.reason.empty() && !settings.dry_run) {
    problems.emplace_back("--reason: not given; whoever audits must see why letters were given up");
  }
  return problems;
}

Problems AcceptProblems(const Settings& settings) {
  const auto number = AcceptedLetters(settings.accepted);
  return number ? Problems{} : Problems{"N = \"" + settings.accepted + "\": give a whole number from 1 to 1000000"};
}

Problems GapProblems(const Settings& settings) {
  Problems problems;
  if (!PartitionNumber(settings.partition)) {
    problems.push_back("PARTITION = \"" + settings.partition + "\": give a partition's number, as gap list shows it");
  }
  if (settings.reason.empty()) {
    problems.emplace_back("--reason: not given; whoever audits must see why records were given up");
  }
  return problems;
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
  command.Check({"payload", "reason"}, [&settings] { return PayloadProblems(settings); });
}

void AddLettersList(config::Reader& reader, Settings& settings) {
  auto& command = reader.AddCommand("dead-letters list",
                                    "Lists dead letters, the newest failure first, without any of their bodies. Exit "
                                    "code: 3 if none matches");
  command.Require("database-url");
  settings.letters.AddFilterTo(command);
  command.Add(settings.list_limit, {"limit", "at most so many, the newest; 0 stands for all"}, kLimits, "letters");
  command.Check({}, [&settings] { return settings.letters.Problems(); });
}

void AddLettersShow(config::Reader& reader, Settings& settings) {
  auto& command = reader.AddCommand("dead-letters show",
                                    "Shows one dead letter: the error, each time it died, its headers and what "
                                    "operators did to it. Exit code: 3 if there is none");
  command.Require("database-url");
  command.AddPositional(settings.letter_id, "ID", kIdHelp);
  command.Add(settings.payload,
              {"payload",
               "with the body, indented; it holds personal data, so a row of operator_actions is written first, and "
               "--reason is needed"});
  command.Add(settings.raw, {"raw", "print the body byte for byte and nothing else; needs --reason, as --payload"});
  command.Add(settings.reason, {"reason", "why the body is looked at, for the audit"});
  command.Check({"payload", "raw", "reason"}, [&settings] { return PayloadProblems(settings); });
}

void AddLettersReplay(config::Reader& reader, Settings& settings) {
  auto& command = reader.AddCommand(
      "dead-letters replay",
      "Sends open dead letters through the events topic again: same key, partition, bytes and headers. May be stopped "
      "at any point and run again with --resume. Exit code: 0 all were sent, 1 some were not, 3 none matches");
  command.Require("kafka-brokers");
  command.Require("database-url");
  command.AddPositionals(settings.letters.ids, "ID", kIdHelp);
  settings.letters.AddFilterTo(command);
  command.Add(settings.letters.limit, {"limit", "at most so many, the newest; 0 stands for all"}, kLimits, "letters");
  command.Add(settings.resume,
              {"resume",
               "send what is replaying and not settled yet once more, under the same replay id; nothing is applied "
               "twice by it"});
  command.Add(settings.dry_run, {"dry-run", "only count and name what would be done"});
  command.Add(settings.reason, {"reason", "why, for the audit; needed but with --resume and --dry-run"});
  command.Check({"status", "reason", "resume", "dry-run"}, [&settings] { return ReplayProblems(settings); });
}

void AddLettersDiscard(config::Reader& reader, Settings& settings) {
  auto& command = reader.AddCommand("dead-letters discard",
                                    "Gives open dead letters up for good: they are never applied, and a customer held "
                                    "back by one goes on. Exit code: "
                                    "0 all were discarded, 1 some were not, 3 none matches");
  command.Require("database-url");
  command.AddPositionals(settings.letters.ids, "ID", kIdHelp);
  settings.letters.AddFilterTo(command);
  command.Add(settings.letters.limit, {"limit", "at most so many, the newest; 0 stands for all"}, kLimits, "letters");
  command.Add(settings.dry_run, {"dry-run", "only count and name what would be done"});
  command.Add(settings.reason, {"reason", "why, for the audit; needed but with --dry-run"});
  command.Check({"status", "reason", "dry-run"}, [&settings] { return DiscardProblems(settings); });
}

void AddLettersRebuild(config::Reader& reader, Settings& settings) {
  auto& command = reader.AddCommand(
      "dead-letters rebuild",
      "Makes the rows of keystrand.dead_letters that are missing from the records of the dead-letters topic, as after "
      "a "
      "restore of the database; rows that exist stay. Whether a letter is open is taken from the inbox and the audit");
  command.Require("kafka-brokers");
  command.Require("database-url");
  command.Add(settings.dry_run, {"dry-run", "only count and name what would be made"});
  command.Add(settings.reason, {"reason", "why, for the audit"});
}

void AddCustomerShow(config::Reader& reader, Settings& settings) {
  auto& command = reader.AddCommand("customer show",
                                    "Shows how one customer's events stand: flowing or waiting, why and since when, "
                                    "what comes next, open dead letters, and what was settled last. Exit code: 3 if "
                                    "nothing is known");
  command.Require("database-url");
  command.AddPositional(
      settings.customer, "KEY",
      "an ordering key (live/self/cus_…), or a customer's id alone, which is looked for in every scope");
}

void AddBreakers(config::Reader& reader, Settings& settings) {
  auto& list = reader.AddCommand("breaker list", "Lists the breakers of all handlers. Exit code: 3 if there is none");
  list.Require("database-url");
  auto& resume = reader.AddCommand("breaker resume",
                                   "Closes the breaker of a handler, with all its tokens: what it parked is tried "
                                   "again. Exit code: 3 if there is no such handler");
  resume.Require("database-url");
  resume.AddPositional(settings.handler, "HANDLER", "as breaker list names it");
  resume.Add(settings.reason, {"reason", "why, for the audit"});
  auto& accept = reader.AddCommand("breaker accept",
                                   "Closes the breaker of a handler with tokens for so many more dead letters: they "
                                   "may die. Exit code: 3 if there is no such handler");
  accept.Require("database-url");
  accept.AddPositional(settings.handler, "HANDLER", "as breaker list names it");
  accept.AddPositional(settings.accepted, "N", "how many dead letters, from 1 to 1000000");
  accept.Add(settings.reason, {"reason", "why, for the audit"});
  accept.Check({}, [&settings] { return AcceptProblems(settings); });
}

void AddGaps(config::Reader& reader, Settings& settings) {
  auto& list = reader.AddCommand("gap list",
                                 "Lists partitions that stopped because their position lies outside the log: retention "
                                 "passed it, or the topic was made anew. Exit code: 3 if there is none");
  list.Require("kafka-brokers");
  list.Require("database-url");
  auto& accept = reader.AddCommand("gap accept",
                                   "Lets a partition go on at the start of its log: what lies before is given up. Its "
                                   "worker does so within seconds. Exit code: 3 if it has no gap");
  accept.Require("kafka-brokers");
  accept.Require("database-url");
  accept.AddPositional(settings.partition, "PARTITION", "of the events topic, as gap list shows it");
  accept.Add(settings.reason, {"reason", "why, for the audit"});
  accept.Check({"reason"}, [&settings] { return GapProblems(settings); });
}

void AddPrune(config::Reader& reader, Settings& settings) {
  auto& command = reader.AddCommand(
      "prune",
      "Deletes what was settled more than inbox-days ago: inbox rows (never those that are dead, parked or replaying), "
      "resolved and discarded dead letters, delivered outbox rows. Refused while a topic keeps records longer");
  command.Require("kafka-brokers");
  command.Require("database-url");
  command.Add(settings.dry_run, {"dry-run", "only count"});
  command.Add(settings.chunk, {"chunk", "rows a transaction deletes at most: small ones let the workers go on"},
              config::Range<int>{1, 100'000}, "rows");
  command.Add(settings.reason, {"reason", "why, for the audit"});
}

void AddImport(config::Reader& reader, Settings& settings) {
  auto& command = reader.AddCommand(
      "import",
      "Queues events out of a file as if they had just been delivered: what Stripe's GET /v1/events lists, an event "
      "or a list a line, or the file one list. Events that are known already change nothing. Exit code: 1 if a line "
      "was bad or not queued, 3 if the file holds no event");
  command.Require("kafka-brokers");
  command.Require("database-url");
  command.AddPositional(settings.file, "FILE", "JSON, an event or a list object a line");
  command.Add(settings.strict, {"strict", "import nothing if any line is bad"});
  command.Add(settings.dry_run, {"dry-run", "only check and count"});
  command.Add(settings.reason, {"reason", "why, for the audit"});
}

}  // namespace

std::optional<std::int64_t> AcceptedLetters(const std::string& text) {
  constexpr std::int64_t kMax = 1'000'000;
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  const bool fit = read.ec == std::errc() && read.ptr == end && number >= 1 && number <= kMax;
  return fit ? std::optional(number) : std::nullopt;
}

void AddCommands(config::Reader& reader, Settings& settings) {
  AddTopicsCreate(reader, settings);
  AddStatus(reader, settings);
  AddEventShow(reader, settings);
  AddLettersList(reader, settings);
  AddLettersShow(reader, settings);
  AddLettersReplay(reader, settings);
  AddLettersDiscard(reader, settings);
  AddLettersRebuild(reader, settings);
  AddCustomerShow(reader, settings);
  AddBreakers(reader, settings);
  AddGaps(reader, settings);
  AddPrune(reader, settings);
  AddImport(reader, settings);
}

}  // namespace keystrand::worker::op
