#include "worker/engine/letters.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>

#include "common/core/utf8.h"
#include "common/kafka/record_headers.h"
#include "common/stripe/sha256.h"

namespace keystrand::worker::engine {
namespace {

constexpr int kLettersPerRound = 100;
constexpr std::size_t kMessageBytesMax = 1024;
constexpr std::chrono::seconds kPublishTimeout{10};

std::int64_t UnixMs(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

/// Equal for letters that died of the same thing.
std::string FingerprintOf(const store::DeadLetter& letter) {
  return stripe::Sha256Hex(letter.stage + "/" + letter.error_code + "/" + letter.event_type + "/" +
                           letter.error_message)
      .substr(0, 16);
}

}  // namespace

store::DeadLetter MakeLetter(const Item& item, store::SourcePosition source, const Error& error, std::string stage,
                             int attempts, const std::string& worker, std::chrono::system_clock::time_point now) {
  const auto& record = *item.record;
  store::DeadLetter letter;
  letter.source = std::move(source);
  if (item.event && *item.event) {
    const auto& envelope = (*item.event)->envelope;
    letter.scope = envelope.scope;
    letter.event_id = envelope.id;
    letter.event_type = envelope.type;
  }
  letter.key = record.key();
  letter.headers = record.HeaderTexts();
  letter.payload = record.value();
  letter.record_timestamp_ms = record.timestamp_ms();
  letter.stage = std::move(stage);
  letter.error_code = NameOf(error.code);
  letter.error_message = Printable(error.detail).substr(0, kMessageBytesMax);
  letter.attempts = attempts;
  letter.failed_at_ms = UnixMs(now);
  letter.first_failed_at_ms = item.first_failed_at_ms == 0 ? letter.failed_at_ms : item.first_failed_at_ms;
  letter.worker = worker;
  letter.fingerprint = FingerprintOf(letter);
  return letter;
}

kafka::OutgoingRecord RecordOf(const store::DeadLetter& letter) {
  namespace header = kafka::header;
  const auto& source = letter.source;
  kafka::OutgoingRecord record;
  record.partition = source.partition;
  record.key = letter.key;
  record.value = letter.payload;
  for (const auto& original : letter.headers) record.headers.push_back({original.name, original.value});
  const auto add = [&](std::string_view name, std::string value) {
    record.headers.push_back({name, std::move(value)});
  };
  const auto cycle = std::to_string(letter.cycle);
  const auto partition = std::to_string(source.partition);
  const auto offset = std::to_string(source.offset);
  add(header::kDlqId, source.topic + "/" + partition + "/" + offset + "/" + cycle);
  add(header::kDlqStage, letter.stage);
  add(header::kDlqErrorCode, letter.error_code);
  add(header::kDlqErrorMessage, letter.error_message);
  add(header::kDlqFingerprint, letter.fingerprint);
  add(header::kDlqAttempts, std::to_string(letter.attempts));
  add(header::kDlqFirstFailedAt, std::to_string(letter.first_failed_at_ms));
  add(header::kDlqFailedAt, std::to_string(letter.failed_at_ms));
  add(header::kDlqSourceTopic, source.topic);
  add(header::kDlqSourcePartition, partition);
  add(header::kDlqSourceOffset, offset);
  add(header::kDlqSourceTimestamp, std::to_string(letter.record_timestamp_ms));
  add(header::kDlqWorker, letter.worker);
  add(header::kDlqCycle, cycle);
  return record;
}

void LetterPublisher::Await(std::int32_t partition, std::int64_t letter, std::int64_t offset) {
  const std::lock_guard lock(mutex_);
  awaiting_.insert({partition, letter, offset});
}

void LetterPublisher::Drop(const std::vector<std::int32_t>& partitions) {
  const std::lock_guard lock(mutex_);
  std::erase_if(awaiting_, [&](const Awaited& awaited) {
    return std::find(partitions.begin(), partitions.end(), awaited.partition) != partitions.end();
  });
}

bool LetterPublisher::Publish(store::Session& session, const std::vector<std::int32_t>& partitions) {
  {
    const std::lock_guard lock(mutex_);
    wanted_.insert(partitions.begin(), partitions.end());
  }
  const std::unique_lock one_at_a_time(publishing_, std::try_to_lock);
  if (!one_at_a_time) return true;
  auto wanted = TakeWanted();
  do {
    if (!PublishAll(session, wanted)) return false;
    wanted = TakeWanted();
  } while (!wanted.empty());
  return true;
}

std::vector<std::int32_t> LetterPublisher::TakeWanted() {
  const std::lock_guard lock(mutex_);
  std::vector<std::int32_t> wanted(wanted_.begin(), wanted_.end());
  wanted_.clear();
  return wanted;
}

bool LetterPublisher::PublishAll(store::Session& session, const std::vector<std::int32_t>& partitions) {
  std::size_t published = 0;
  do {
    published = 0;
    if (!PublishOnce(session, partitions, published)) return false;
  } while (published == kLettersPerRound);
  return CompletePublished(session);
}

bool LetterPublisher::PublishOnce(store::Session& session, const std::vector<std::int32_t>& partitions,
                                  std::size_t& published) {
  std::vector<store::DeadLetter> letters;
  const auto found = session.InTransaction([&](store::Transaction& transaction) -> Result<> {
    auto unpublished = FindUnpublished(transaction, topic_, partitions, kLettersPerRound);
    if (!unpublished) return Fail(unpublished.error());
    letters = std::move(*unpublished);
    return {};
  });
  if (!found) return found.error().code != ErrorCode::kUnavailable;
  if (letters.empty()) return true;
  const auto delivered = Produce(std::move(letters));
  if (delivered.empty()) return true;
  std::vector<store::SourcePosition> positions;
  for (const auto& letter : delivered) positions.push_back(letter.source);
  const auto marked =
      session.InTransaction([&](store::Transaction& transaction) { return MarkPublished(transaction, positions); });
  if (!marked)
    return marked.error().code != ErrorCode::kUnavailable;  // published again later: harmless, once is enough
  for (const auto& letter : delivered) observer_.OnDeadLetter(letter);
  published = delivered.size();
  return true;
}

/// Produces the letters and waits; returns those that were acknowledged.
std::vector<store::DeadLetter> LetterPublisher::Produce(std::vector<store::DeadLetter> letters) {
  struct Round {  // callbacks may come after the deadline: they share it
    std::vector<std::optional<Result<kafka::Position>>> results;
    std::size_t left = 0;
  };
  const auto round = std::make_shared<Round>();
  round->results.resize(letters.size());
  round->left = letters.size();
  for (std::size_t i = 0; i < letters.size(); ++i) {
    producer_.Publish(RecordOf(letters[i]), [round, i](Result<kafka::Position> result) {
      round->results[i] = std::move(result);
      --round->left;
    });
  }
  const auto deadline = std::chrono::steady_clock::now() + kPublishTimeout;
  while (round->left > 0 && std::chrono::steady_clock::now() < deadline) {
    producer_.ServeFor(std::chrono::milliseconds(50));
  }
  std::vector<store::DeadLetter> delivered;
  Error failure{ErrorCode::kUnavailable, "no delivery report in time"};
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const auto& result = round->results[i];
    if (result && *result) delivered.push_back(std::move(letters[i]));
    if (result && !*result) failure = result->error();
  }
  if (delivered.size() < letters.size()) observer_.OnLetterNotPublished(letters.size() - delivered.size(), failure);
  return delivered;
}

bool LetterPublisher::CompletePublished(store::Session& session) {
  std::set<Awaited> awaited;
  {
    const std::lock_guard lock(mutex_);
    awaited = awaiting_;
  }
  if (awaited.empty()) return true;
  std::vector<store::SourcePosition> letters;
  for (const auto& each : awaited) letters.push_back({topic_, each.partition, each.letter});
  std::set<store::SourcePosition> published;
  const auto found = session.InTransaction([&](store::Transaction& transaction) -> Result<> {
    auto rows = FindPublished(transaction, letters);
    if (!rows) return Fail(rows.error());
    published = {rows->begin(), rows->end()};
    return {};
  });
  if (!found) return found.error().code != ErrorCode::kUnavailable;
  for (const auto& each : awaited) {
    if (!published.contains({topic_, each.partition, each.letter})) continue;
    dispatcher_.CompleteLetter(each.partition, each.offset);
    const std::lock_guard lock(mutex_);
    awaiting_.erase(each);
  }
  return true;
}

}  // namespace keystrand::worker::engine
