#include "worker/operator/letters_rebuild.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "common/kafka/admin.h"
#include "common/kafka/record_headers.h"
#include "common/kafka/topic_scan.h"
#include "common/stripe/envelope.h"
#include "worker/operator/database.h"
#include "worker/operator/event_report.h"
#include "worker/operator/letter_outcome.h"
#include "worker/operator/letter_subject.h"
#include "worker/operator/text.h"
#include "worker/store/letter_rebuild.h"
#include "worker/store/operator_actions.h"

namespace keystrand::worker::op {
namespace {

namespace header = kafka::header;

constexpr std::size_t kPositionsPerQuestion = 1000;

/// Reads the dlq-… headers of one record; remembers the first that cannot be used.
class Headers {
 public:
  explicit Headers(const kafka::StoredRecord& record) : record_(record) {}

  std::string Text(std::string_view name) {
    const auto value = record_.FindHeader(name);
    if (!value) Refuse(name, "is missing");
    return std::string(value.value_or(""));
  }

  std::int64_t Number(std::string_view name) {
    const std::string text = Text(name);
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    if (read.ec != std::errc() || read.ptr != end) Refuse(name, "is no number");
    return number;
  }

  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  void Refuse(std::string_view name, const char* what) {
    if (problem_.empty()) problem_ = "header " + std::string(name) + " " + what;
  }

  const kafka::StoredRecord& record_;
  std::string problem_;
};

/// Whose event it is: unknown if the worker could not read it, else as the body says.
void Identify(store::DeadLetter& letter, const std::string& own_account) {
  if (letter.stage == "parse") return;
  const auto envelope = stripe::ParseEnvelope(letter.payload, own_account);
  if (!envelope) return;
  letter.scope = envelope->scope;
  letter.event_id = envelope->id;
  letter.event_type = envelope->type;
}

/// What the topic holds and the table does not.
class Rebuild {
 public:
  Rebuild(const Settings& settings, store::Session& session) : settings_(settings), session_(session) {}

  /// Reads the topic twice: which letters there are and how often each died, then those that have no row.
  Result<> Run(std::int32_t partitions) {
    const auto scan = [&](auto each) {
      return kafka::ScanTopic(settings_.Client(), settings_.dead_letters_topic, partitions, settings_.timeout,
                              [&](const kafka::StoredRecord& record) { return each(record); });
    };
    if (auto read = scan([this](const auto& record) { return Note(record); }); !read) return KafkaFault(read);
    if (auto found = KeepMissing(); !found) return found;
    if (last_cycles_.empty()) return {};
    if (auto read = scan([this](const auto& record) { return Make(record); }); !read) return KafkaFault(read);
    return MakeAttempts();
  }

  [[nodiscard]] const std::vector<LetterOutcome>& outcomes() const { return outcomes_; }
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }
  [[nodiscard]] std::size_t letters() const { return letters_; }
  /// Whether Kafka is what failed, not the database.
  [[nodiscard]] bool kafka_failed() const { return kafka_failed_; }

 private:
  Result<> KafkaFault(Result<> read) {
    kafka_failed_ = !database_failed_;
    return read;
  }

  Result<> Note(const kafka::StoredRecord& record) {
    const auto letter = LetterOfRecord(record, settings_.account);
    if (!letter) {
      problems_.push_back(settings_.dead_letters_topic + "/" + std::to_string(record.position.partition) + "/" +
                          std::to_string(record.position.offset) +
                          " is no dead letter of ours: " + letter.error().detail + "; left out");
      return {};
    }
    auto& last = last_cycles_[letter->source];
    last = std::max(last, letter->cycle);
    return {};
  }

  Result<> KeepMissing() {
    letters_ = last_cycles_.size();
    std::vector<store::SourcePosition> positions;
    std::map<store::SourcePosition, int> missing;
    const auto ask = [&]() -> Result<> {
      auto found = Ask(
          session_, [&](store::Transaction& transaction) { return store::FindMissingLetters(transaction, positions); });
      if (!found) return Fail(found.error());
      for (auto& source : *found) missing[source] = last_cycles_.at(source);
      positions.clear();
      return {};
    };
    for (const auto& [source, cycle] : last_cycles_) {
      positions.push_back(source);
      if (positions.size() < kPositionsPerQuestion) continue;
      if (auto asked = ask(); !asked) return asked;
    }
    if (auto asked = ask(); !asked) return asked;
    last_cycles_ = std::move(missing);
    return {};
  }

  Result<> Make(const kafka::StoredRecord& record) {
    const auto letter = LetterOfRecord(record, settings_.account);
    if (!letter) return {};
    const auto missing = last_cycles_.find(letter->source);
    if (missing == last_cycles_.end()) return {};
    if (letter->cycle < missing->second) {
      earlier_.emplace_back(
          letter->source, store::LetterAttempt{letter->cycle, letter->stage, letter->error_code, letter->error_message,
                                               letter->attempts, letter->failed_at_ms, letter->worker});
      return {};
    }
    if (!seen_.insert(letter->source).second) return {};  // published twice
    auto made = Ask(session_, [&](store::Transaction& transaction) { return MakeRow(transaction, *letter, record); });
    database_failed_ = !made;
    if (!made) return Fail(made.error());
    if (!made->result.empty()) outcomes_.push_back(std::move(*made));
    return {};
  }

  /// An empty result: somebody else made the row meanwhile.
  Result<LetterOutcome> MakeRow(store::Transaction& transaction, const store::DeadLetter& letter,
                                const kafka::StoredRecord& record) {
    const auto verdict = store::JudgeLetter(transaction, letter);
    if (!verdict) return Fail(verdict.error());
    LetterOutcome outcome{letter.source, letter.event_id, "would be made, " + verdict->status, verdict->replay_id, "",
                          false};
    if (settings_.dry_run) return outcome;
    const auto inserted = store::InsertRebuiltLetter(transaction, letter, *verdict, record.timestamp_ms);
    if (!inserted) return Fail(inserted.error());
    if (!*inserted) return LetterOutcome{letter.source, "", "", "", "", false};
    outcome.result = "made, " + verdict->status;
    auto written = store::InsertOperatorAction(
        transaction, {settings_.actor, "dead_letter.rebuilt", settings_.reason, verdict->replay_id,
                      LetterSubject(store::LockedLetter{letter.source, letter.cycle, letter.scope, letter.event_id,
                                                        verdict->status, verdict->replay_id, ""})});
    if (!written) return Fail(written.error());
    return outcome;
  }

  Result<> MakeAttempts() {
    if (settings_.dry_run || earlier_.empty()) return {};
    return InTransaction(session_, [&](store::Transaction& transaction) -> Result<> {
      for (const auto& [source, attempt] : earlier_) {
        if (!seen_.contains(source)) continue;
        if (auto made = store::InsertLetterAttempt(transaction, source, attempt); !made) return made;
      }
      return {};
    });
  }

  const Settings& settings_;
  store::Session& session_;
  std::map<store::SourcePosition, int> last_cycles_;  // of all letters, then of those without a row
  std::set<store::SourcePosition> seen_;
  std::vector<std::pair<store::SourcePosition, store::LetterAttempt>> earlier_;
  std::vector<LetterOutcome> outcomes_;
  std::vector<std::string> problems_;
  std::size_t letters_ = 0;
  bool kafka_failed_ = false;
  bool database_failed_ = false;
};

Result<kafka::TopicDescription> DescribeLetters(const Settings& settings) {
  const auto admin = kafka::Admin::Create(settings.Client());
  if (!admin) return Fail(admin.error());
  return (*admin)->Describe(settings.dead_letters_topic, settings.timeout);
}

}  // namespace

Result<store::DeadLetter> LetterOfRecord(const kafka::StoredRecord& record, const std::string& own_account) {
  Headers headers(record);
  store::DeadLetter letter;
  letter.source = {headers.Text(header::kDlqSourceTopic),
                   static_cast<std::int32_t>(headers.Number(header::kDlqSourcePartition)),
                   headers.Number(header::kDlqSourceOffset)};
  letter.cycle = static_cast<int>(headers.Number(header::kDlqCycle));
  letter.key = record.key;
  letter.payload = record.value;
  letter.record_timestamp_ms = headers.Number(header::kDlqSourceTimestamp);
  letter.stage = headers.Text(header::kDlqStage);
  letter.error_code = headers.Text(header::kDlqErrorCode);
  letter.error_message = headers.Text(header::kDlqErrorMessage);
  letter.fingerprint = headers.Text(header::kDlqFingerprint);
  letter.attempts = static_cast<int>(headers.Number(header::kDlqAttempts));
  letter.first_failed_at_ms = headers.Number(header::kDlqFirstFailedAt);
  letter.failed_at_ms = headers.Number(header::kDlqFailedAt);
  letter.worker = headers.Text(header::kDlqWorker);
  if (!headers.problem().empty()) return Fail(ErrorCode::kMalformed, headers.problem());
  for (const auto& original : record.headers) {
    if (!original.name.starts_with("dlq-")) letter.headers.push_back({original.name, original.value});
  }
  Identify(letter, own_account);
  return letter;
}

Reply RebuildLetters(const Settings& settings) {
  store::Session session(settings.Database(), nullptr);
  if (auto connected = session.Connect(); !connected) return Failed(DatabaseTrouble(connected.error()));
  const auto topic = DescribeLetters(settings);
  if (!topic) return Failed(KafkaTrouble(topic.error(), settings.kafka_brokers));
  Rebuild rebuild(settings, session);
  const auto done = rebuild.Run(topic->partitions);
  auto problems = rebuild.problems();
  if (!done) {
    problems.push_back(
        (rebuild.kafka_failed() ? KafkaTrouble(done.error(), settings.kafka_brokers) : DatabaseTrouble(done.error())) +
        "; the rows that were made stay: run this again");
  }
  Reply reply = PresentOutcomes(rebuild.outcomes(), problems, settings.output);
  if (done && rebuild.outcomes().empty() && settings.output == Format::kText) {
    reply.out = "no row is missing: " + settings.dead_letters_topic + " holds " +
                Count(static_cast<std::int64_t>(rebuild.letters()), "dead letter") + "\n";
  }
  return reply;
}

}  // namespace keystrand::worker::op
