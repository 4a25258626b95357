#include "worker/operator/event_report.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/kafka/record_headers.h"
#include "common/stripe/sha256.h"
#include "worker/operator/text.h"

namespace keystrand::worker::op {
namespace {

namespace header = kafka::header;

constexpr std::array kShownHeaders = {
    header::kEventId,      header::kEventType,   header::kReceivedAt,    header::kRequestId,   header::kEndpoint,
    header::kExpectedMode, header::kBodySha256,  header::kSignedWith,    header::kTraceparent, header::kReplayId,
    header::kReplayCount,  header::kReplayActor, header::kSourcePosition};

std::string InBrackets(const std::string& text) { return text.empty() ? "" : " (" + text + ")"; }

std::string HeaderOf(const RecordFacts& record, std::string_view name) {
  for (const auto& h : record.headers) {
    if (h.name == name) return h.value;
  }
  return "?";
}

std::int64_t NumberOf(const std::string& digits) {
  std::int64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return number;
}

std::string ArrivalOf(const RecordFacts& record) {
  const std::string request = HeaderOf(record, header::kRequestId);
  const std::string secret = HeaderOf(record, header::kSignedWith);
  if (secret == "none") return "imported by an operator, request " + request;
  return "accepted by the receiver, endpoint " + HeaderOf(record, header::kEndpoint) + ", request " + request +
         ", signed with the " + secret + " secret";
}

/// Builds the time line piece by piece.
class TimeLineBuilder {
 public:
  explicit TimeLineBuilder(const EventReport& report) : report_(report) {}

  std::vector<Moment> Run() && {
    for (const auto& event : report_.history.settled) AddArrival(event);
    for (const auto& record : report_.records) AddRecord(record);
    for (const auto& letter : report_.history.letters) AddLetter(letter);
    for (const auto& parked : report_.history.parked) AddParked(parked);
    for (const auto& event : report_.history.settled) AddOutcome(event);
    for (const auto& action : report_.history.actions) {
      Add(action.acted_at_ms, action.actor + " did " + action.action + InBrackets(action.reason));
    }
    std::stable_sort(moments_.begin(), moments_.end(), [](const auto& a, const auto& b) { return a.at_ms < b.at_ms; });
    return std::move(moments_);
  }

 private:
  void Add(std::int64_t at_ms, std::string what) { moments_.push_back({at_ms, std::move(what)}); }

  void AddArrival(const store::SettledEvent& event) {
    Add(event.created_at_ms, InScope(event.key.scope, "created by Stripe"));
    const auto* record = report_.RecordAt(event.source);
    if (record != nullptr && record->problem.empty()) return;  // the record tells more
    Add(event.received_at_ms, InScope(event.key.scope, "accepted by the receiver"));
  }

  void AddRecord(const RecordFacts& record) {
    if (!record.problem.empty()) return;
    const std::string scope = record.key.substr(0, record.key.rfind('/'));
    Add(NumberOf(HeaderOf(record, header::kReceivedAt)), InScope(scope, ArrivalOf(record)));
    if (record.timestamp_ms >= 0) Add(record.timestamp_ms, InScope(scope, "queued at " + PositionText(record.source)));
  }

  void AddOutcome(const store::SettledEvent& event) {
    std::string what = event.status + InBrackets(event.reason) + " after " + Count(event.attempts, "attempt") + ", " +
                       Span(event.settled_at_ms - event.received_at_ms) + " after it was accepted";
    if (!event.replay_id.empty()) what += ", replay " + event.replay_id;
    if (event.status == "stale") what += ": a newer event of the object had been applied";
    if (event.status == "dead") what += ": " + event.error_code;
    Add(event.settled_at_ms, InScope(event.key.scope, what));
  }

  /// Says which scope, where there are several.
  [[nodiscard]] std::string InScope(const std::string& scope, const std::string& what) const {
    return report_.history.settled.size() < 2 ? what : scope + ": " + what;
  }

  void AddLetter(const store::LetterState& letter) {
    if (letter.first_failed_at_ms != letter.last.failed_at_ms)
      Add(letter.first_failed_at_ms, "failed for the first time");
    for (const auto& attempt : letter.earlier) AddDeath(attempt);
    AddDeath(letter.last);
    if (letter.published_at_ms) Add(*letter.published_at_ms, "the dead letter is in its topic");
  }

  void AddDeath(const store::LetterAttempt& attempt) {
    Add(attempt.failed_at_ms, "dead letter, cycle " + std::to_string(attempt.cycle) + ": " + attempt.error_code +
                                  " in stage " + attempt.stage + " after " + Count(attempt.attempts, "attempt") +
                                  " by " + attempt.worker + ": " + attempt.error_message);
  }

  void AddParked(const store::ParkedEvent& parked) {
    if (!parked.strand_since_ms) return;
    Add(*parked.strand_since_ms, "its customer's strand was " + parked.strand_state + InBrackets(parked.strand_reason));
  }

  const EventReport& report_;
  std::vector<Moment> moments_;
};

}  // namespace

std::string PositionText(const store::SourcePosition& source) {
  return source.topic + "/" + std::to_string(source.partition) + "/" + std::to_string(source.offset);
}

std::optional<store::SourcePosition> ParsePosition(std::string_view text) {
  const auto last = text.rfind('/');
  const auto middle = last == std::string_view::npos || last == 0 ? last : text.rfind('/', last - 1);
  if (middle == std::string_view::npos || middle == 0 || middle == last) return std::nullopt;
  const auto number = [](std::string_view digits, auto& value) {
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return read.ec == std::errc() && read.ptr == digits.data() + digits.size() && value >= 0;
  };
  store::SourcePosition source{std::string(text.substr(0, middle)), 0, 0};
  const bool valid = source.topic.find('/') == std::string::npos &&
                     number(text.substr(middle + 1, last - middle - 1), source.partition) &&
                     number(text.substr(last + 1), source.offset);
  return valid ? std::optional(std::move(source)) : std::nullopt;
}

bool IsKnownHeader(std::string_view name) {
  return std::find(kShownHeaders.begin(), kShownHeaders.end(), name) != kShownHeaders.end();
}

bool IsOf(const kafka::StoredRecord& record, const std::string& event_id) {
  return record.FindHeader(header::kEventId).value_or("") == event_id;
}

RecordFacts FactsOf(const store::SourcePosition& source, const std::string& event_id,
                    const std::optional<kafka::StoredRecord>& record) {
  RecordFacts facts;
  facts.source = source;
  if (!record) {
    facts.problem = "the topic does not hold it any more (retention)";
    return facts;
  }
  if (!IsOf(*record, event_id)) {
    facts.problem = "another event's record lies there: the topic was made anew";
    return facts;
  }
  facts.timestamp_ms = record->timestamp_ms;
  facts.key = record->key;
  facts.body_bytes = static_cast<std::int64_t>(record->value.size());
  facts.digest_matches = record->FindHeader(header::kBodySha256) == stripe::Sha256Hex(record->value);
  for (const auto& h : record->headers) {
    if (IsKnownHeader(h.name)) facts.headers.push_back(h);
  }
  return facts;
}

const RecordFacts* EventReport::RecordAt(const store::SourcePosition& source) const {
  const auto found = std::find_if(records.begin(), records.end(), [&](const auto& r) { return r.source == source; });
  return found == records.end() ? nullptr : &*found;
}

std::vector<store::SourcePosition> PositionsOf(const store::EventHistory& history) {
  std::vector<store::SourcePosition> positions;
  const auto add = [&](const store::SourcePosition& source) {
    if (std::find(positions.begin(), positions.end(), source) == positions.end()) positions.push_back(source);
  };
  for (const auto& event : history.settled) add(event.source);
  for (const auto& letter : history.letters) add(letter.source);
  for (const auto& parked : history.parked) add(parked.source);
  return positions;
}

std::vector<Moment> TimeLine(const EventReport& report) { return TimeLineBuilder(report).Run(); }

}  // namespace keystrand::worker::op
