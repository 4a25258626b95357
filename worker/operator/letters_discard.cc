#include "worker/operator/letters_discard.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "worker/operator/database.h"
#include "worker/operator/letter_outcome.h"
#include "worker/operator/letter_select.h"
#include "worker/operator/letter_subject.h"
#include "worker/store/letter_actions.h"
#include "worker/store/operator_actions.h"

namespace keystrand::worker::op {
namespace {

constexpr std::size_t kLettersPerTransaction = 100;

template <typename Letter>
LetterOutcome Judge(const Letter& letter, const char* result) {
  const std::string reason = WhyNotDiscarded(letter.status);
  if (reason.empty()) return {letter.source, letter.event_id, result, "", "", false};
  return {letter.source, letter.event_id, "refused", letter.replay_id, reason, true};
}

/// One transaction.
Result<std::vector<LetterOutcome>> Discard(store::Transaction& transaction, const Settings& settings,
                                           const std::vector<store::SourcePosition>& positions) {
  if (auto locked = store::LockStrandsOf(transaction, positions); !locked) return Fail(locked.error());
  const auto letters = store::LockLetters(transaction, positions);
  if (!letters) return Fail(letters.error());
  std::vector<LetterOutcome> outcomes;
  std::vector<store::LockedLetter> open;
  for (const auto& letter : *letters) {
    outcomes.push_back(Judge(letter, "discarded"));
    if (!outcomes.back().failed) open.push_back(letter);
  }
  if (auto marked = store::MarkDiscarded(transaction, open); !marked) return Fail(marked.error());
  for (const auto& letter : open) {
    auto written = store::InsertOperatorAction(
        transaction, {settings.actor, "dead_letter.discarded", settings.reason, {}, LetterSubject(letter)});
    if (!written) return Fail(written.error());
  }
  return outcomes;
}

Reply RunDiscard(const Settings& settings, store::Session& session, const LetterSelection& selection) {
  std::vector<LetterOutcome> outcomes;
  auto problems = selection.problems;
  const auto& letters = selection.letters;
  for (std::size_t from = 0; from < letters.size(); from += kLettersPerTransaction) {
    std::vector<store::SourcePosition> positions;
    for (std::size_t i = from; i < std::min(from + kLettersPerTransaction, letters.size()); ++i) {
      positions.push_back(letters[i].source);
    }
    auto done =
        Ask(session, [&](store::Transaction& transaction) { return Discard(transaction, settings, positions); });
    if (!done) {
      problems.push_back(DatabaseTrouble(done.error()) +
                         "; the letters that are not listed may or may not be discarded: run this again");
      break;
    }
    std::move(done->begin(), done->end(), std::back_inserter(outcomes));
  }
  return PresentOutcomes(outcomes, problems, settings.output);
}

Reply DryRun(const Settings& settings, const LetterSelection& selection) {
  std::vector<LetterOutcome> outcomes;
  for (const auto& letter : selection.letters) outcomes.push_back(Judge(letter, "would be discarded"));
  return PresentOutcomes(outcomes, selection.problems, settings.output);
}

}  // namespace

std::string WhyNotDiscarded(const std::string& status) {
  if (status == "open") return "";
  if (status == "replaying") {
    return "it is replaying: wait for its outcome, and if it never comes run keystrand dead-letters replay --resume";
  }
  if (status == "resolved") return "it is resolved: a replay of it went through, so there is nothing to give up";
  return "it is discarded already";
}

Reply DiscardLetters(const Settings& settings) {
  store::Session session(settings.Database(), nullptr);
  if (auto connected = session.Connect(); !connected) return Failed(DatabaseTrouble(connected.error()));
  const auto selection = SelectLetters(session, settings.letters, "open", settings.events_topic);
  if (!selection) return Failed(DatabaseTrouble(selection.error()));
  if (selection->letters.empty()) return NothingChosen(*selection, "open");
  return settings.dry_run ? DryRun(settings, *selection) : RunDiscard(settings, session, *selection);
}

}  // namespace keystrand::worker::op
