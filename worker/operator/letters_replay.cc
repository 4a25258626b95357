#include "worker/operator/letters_replay.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "common/core/utf8.h"
#include "common/kafka/record_headers.h"
#include "worker/operator/database.h"
#include "worker/operator/event_report.h"
#include "worker/operator/letter_outcome.h"
#include "worker/operator/letter_select.h"
#include "worker/operator/letter_subject.h"
#include "worker/operator/sender.h"
#include "worker/store/operator_actions.h"

namespace keystrand::worker::op {
namespace {

namespace header = kafka::header;
using What = ReplayDecision::What;

constexpr std::size_t kLettersPerTransaction = 100;
constexpr std::array kReplayHeaders = {header::kReplayId, header::kReplayCount, header::kReplayActor,
                                       header::kSourcePosition};

/// The letters of one transaction.
struct Chunk {
  std::vector<store::LockedLetter> to_send;  ///< all of them replaying now
  std::vector<LetterOutcome> outcomes;       ///< those that are not sent come first, then `to_send` in its order
};

LetterOutcome OutcomeOf(const store::LockedLetter& letter, std::string result) {
  return {letter.source, letter.event_id, std::move(result), letter.replay_id, "", false};
}

LetterOutcome Refusal(const store::SourcePosition& source, const std::string& event_id, std::string reason) {
  return {source, event_id, "refused", "", std::move(reason), true};
}

store::LockedLetter AsLocked(const store::LetterSummary& letter) {
  return {letter.source, letter.cycle, letter.scope, letter.event_id, letter.status, letter.replay_id, ""};
}

/// Why this cluster cannot take a letter; empty: it can.
std::string Misplaced(const store::SourcePosition& source, const std::string& topic, std::int32_t partitions) {
  if (source.topic != topic) {
    return "its record came from topic " + source.topic + ", not " + topic + ": set KEYSTRAND_EVENTS_TOPIC";
  }
  if (source.partition < partitions) return "";
  return "topic " + topic + " has only " + std::to_string(partitions) +
         " partitions now, so keys have moved: discard it, and import its event";
}

/// One run over letters that were chosen.
class Replay {
 public:
  Replay(const Settings& settings, store::Session& session, Sender& sender)
      : settings_(settings), session_(session), sender_(sender) {}

  /// Stops at the first chunk that was not sent whole: nothing more is set to replaying then.
  Result<> Run(const std::vector<store::LetterSummary>& letters) {
    const auto fit = LeaveOutMisplaced(letters);
    for (std::size_t from = 0; from < fit.size(); from += kLettersPerTransaction) {
      const std::size_t to = std::min(from + kLettersPerTransaction, fit.size());
      auto sent =
          RunChunk({fit.begin() + static_cast<std::ptrdiff_t>(from), fit.begin() + static_cast<std::ptrdiff_t>(to)});
      if (!sent) return Fail(sent.error());
      if (*sent) continue;
      untouched_ = fit.size() - to;
      break;
    }
    return {};
  }

  [[nodiscard]] const std::vector<LetterOutcome>& outcomes() const { return outcomes_; }
  [[nodiscard]] std::size_t untouched() const { return untouched_; }

 private:
  std::vector<store::SourcePosition> LeaveOutMisplaced(const std::vector<store::LetterSummary>& letters) {
    std::vector<store::SourcePosition> fit;
    for (const auto& letter : letters) {
      auto reason = Misplaced(letter.source, settings_.events_topic, sender_.partitions());
      if (reason.empty()) {
        fit.push_back(letter.source);
      } else {
        outcomes_.push_back(Refusal(letter.source, letter.event_id, std::move(reason)));
      }
    }
    return fit;
  }

  /// Whether all that were to be sent are in the topic.
  Result<bool> RunChunk(const std::vector<store::SourcePosition>& positions) {
    auto chunk = Ask(session_, [&](store::Transaction& transaction) { return Mark(transaction, positions); });
    if (!chunk) return Fail(chunk.error());
    const std::size_t first = chunk->outcomes.size() - chunk->to_send.size();
    auto results = SendAll(chunk->to_send);
    bool all = true;
    for (std::size_t i = 0; i < chunk->to_send.size(); ++i) {
      auto& outcome = chunk->outcomes[first + i];
      if (results[i].empty()) continue;
      all = false;
      outcome.failed = true;
      outcome.result = "not sent";
      outcome.detail = results[i] + "; it is replaying: run keystrand dead-letters replay --resume";
    }
    std::move(chunk->outcomes.begin(), chunk->outcomes.end(), std::back_inserter(outcomes_));
    return all;
  }

  Result<Chunk> Mark(store::Transaction& transaction, const std::vector<store::SourcePosition>& positions) {
    const auto locked = store::LockLetters(transaction, positions);
    if (!locked) return Fail(locked.error());
    Chunk chunk;
    std::vector<store::LockedLetter> fresh;
    for (const auto& letter : *locked) {
      const auto decision = DecideReplay(letter, settings_.resume);
      switch (decision.what) {
        case What::kReplay: fresh.push_back(letter); break;
        case What::kSend: chunk.to_send.push_back(letter); break;
        case What::kSettled: chunk.outcomes.push_back(OutcomeOf(letter, "settled meanwhile")); break;
        case What::kRefuse: chunk.outcomes.push_back(Refusal(letter.source, letter.event_id, decision.reason)); break;
      }
    }
    const std::size_t again = chunk.to_send.size();
    if (auto marked = store::MarkReplaying(transaction, fresh); !marked) return Fail(marked.error());
    std::move(fresh.begin(), fresh.end(), std::back_inserter(chunk.to_send));
    for (std::size_t i = 0; i < chunk.to_send.size(); ++i) {
      const bool is_fresh = i >= again;
      if (auto written = WriteAction(transaction, chunk.to_send[i], is_fresh); !written) return Fail(written.error());
      chunk.outcomes.push_back(OutcomeOf(chunk.to_send[i], is_fresh ? "replayed" : "sent again"));
    }
    return chunk;
  }

  Result<> WriteAction(store::Transaction& transaction, const store::LockedLetter& letter, bool is_fresh) {
    return store::InsertOperatorAction(
        transaction, {settings_.actor, is_fresh ? "dead_letter.replayed" : "dead_letter.resumed", settings_.reason,
                      letter.replay_id, LetterSubject(letter)});
  }

  /// Per letter: empty once it is in the topic, else why it is not known to be.
  std::vector<std::string> SendAll(const std::vector<store::LockedLetter>& letters) {
    // A report may come after the wait is over: what it is written to lives as long as any callback.
    const auto results =
        std::make_shared<std::vector<std::string>>(letters.size(), "no broker acknowledged it in time");
    for (std::size_t i = 0; i < letters.size(); ++i) {
      const auto content = Ask(session_, [&](store::Transaction& transaction) {
        return store::ReadLetterContent(transaction, letters[i].source);
      });
      if (!content || !*content) {
        (*results)[i] = content ? "its row was just deleted" : DatabaseTrouble(content.error());
        continue;
      }
      sender_.Send(
          ReplayRecord(letters[i], **content, settings_.actor),
          [results, i](const Result<kafka::Position>& report) { (*results)[i] = report ? "" : report.error().detail; });
    }
    sender_.Finish();
    return *results;
  }

  const Settings& settings_;
  store::Session& session_;
  Sender& sender_;
  std::vector<LetterOutcome> outcomes_;
  std::size_t untouched_ = 0;
};

Reply DryRun(const Settings& settings, const LetterSelection& selection) {
  std::vector<LetterOutcome> outcomes;
  for (const auto& letter : selection.letters) {
    const auto locked = AsLocked(letter);
    const auto decision = DecideReplay(locked, settings.resume);
    if (decision.what == What::kRefuse) {
      outcomes.push_back(Refusal(letter.source, letter.event_id, decision.reason));
    } else {
      outcomes.push_back(
          OutcomeOf(locked, decision.what == What::kReplay ? "would be replayed" : "would be sent again"));
    }
  }
  return PresentOutcomes(outcomes, selection.problems, settings.output);
}

Reply RunReplay(const Settings& settings, store::Session& session, const LetterSelection& selection) {
  auto sender = Sender::Open(settings);
  if (!sender) return Failed("nothing was replayed: " + KafkaTrouble(sender.error(), settings.kafka_brokers));
  Replay replay(settings, session, *sender);
  const auto done = replay.Run(selection.letters);
  auto problems = selection.problems;
  if (!done) {
    problems.push_back(DatabaseTrouble(done.error()) +
                       "; letters that are replaying already are sent by keystrand dead-letters replay --resume");
  }
  if (replay.untouched() > 0) {
    problems.push_back("the other " + std::to_string(replay.untouched()) + " were left as they are: run this again");
  }
  return PresentOutcomes(replay.outcomes(), problems, settings.output);
}

}  // namespace

ReplayDecision DecideReplay(const store::LockedLetter& letter, bool resume) {
  if (letter.status == "replaying") return {What::kSend, ""};
  if (letter.status == "resolved" && resume) return {What::kSettled, ""};
  if (letter.status == "resolved") return {What::kRefuse, "it is resolved: an earlier replay went through"};
  if (letter.status == "discarded") {
    return {What::kRefuse, "it is discarded: it was given up for good; import its event if it is wanted after all"};
  }
  if (resume) return {What::kRefuse, "it is open: replay it without --resume"};
  const auto& inbox = letter.inbox_status;
  if (inbox == "applied" || inbox == "stale" || inbox == "ignored") {
    return {What::kRefuse, "its event is " + inbox + " already, so a replay would change nothing: discard it"};
  }
  return {What::kReplay, ""};
}

kafka::OutgoingRecord ReplayRecord(const store::LockedLetter& letter, const store::LetterContent& content,
                                   const std::string& actor) {
  kafka::OutgoingRecord record;
  record.partition = letter.source.partition;
  record.key = content.key;
  record.value = content.payload;
  for (const auto& original : content.headers) {
    const bool replaced =
        std::find(kReplayHeaders.begin(), kReplayHeaders.end(), original.name) != kReplayHeaders.end();
    if (!replaced) record.headers.push_back({original.name, original.value});
  }
  record.headers.push_back({header::kReplayId, letter.replay_id});
  record.headers.push_back({header::kReplayCount, std::to_string(letter.cycle + 1)});
  record.headers.push_back({header::kReplayActor, Printable(actor)});
  record.headers.push_back({header::kSourcePosition, PositionText(letter.source)});
  return record;
}

Reply ReplayLetters(const Settings& settings) {
  store::Session session(settings.Database(), nullptr);
  if (auto connected = session.Connect(); !connected) return Failed(DatabaseTrouble(connected.error()));
  const std::string status = settings.resume ? "replaying" : "open";
  const auto selection = SelectLetters(session, settings.letters, status, settings.events_topic);
  if (!selection) return Failed(DatabaseTrouble(selection.error()));
  if (selection->letters.empty()) return NothingChosen(*selection, status);
  return settings.dry_run ? DryRun(settings, *selection) : RunReplay(settings, session, *selection);
}

}  // namespace keystrand::worker::op
