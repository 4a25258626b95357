#include "worker/operator/letter_select.h"

#include <algorithm>

#include "worker/operator/console.h"
#include "worker/operator/database.h"
#include "worker/operator/event_report.h"
#include "worker/operator/text.h"

namespace keystrand::worker::op {
namespace {

Result<std::vector<store::LetterSummary>> Find(store::Session& session, const store::LetterFilter& filter) {
  return Ask(session, [&](store::Transaction& transaction) { return store::FindLetters(transaction, filter); });
}

Result<> SelectByIds(store::Session& session, const std::vector<std::string>& ids, LetterSelection& selection) {
  for (const auto& id : ids) {
    auto letter = SelectLetter(session, id);
    if (letter) {
      selection.letters.push_back(std::move(*letter));
      continue;
    }
    const auto code = letter.error().code;
    if (code != ErrorCode::kRejected && code != ErrorCode::kMissingReference) return Fail(letter.error());
    selection.ambiguous |= code == ErrorCode::kRejected;
    selection.problems.push_back(letter.error().detail);
  }
  return {};
}

}  // namespace

Result<store::LetterSummary> SelectLetter(store::Session& session, const std::string& id) {
  store::LetterFilter filter;
  filter.at = ParsePosition(id);
  if (!filter.at) filter.event_id = id;
  auto letters = Find(session, filter);
  if (!letters) return Fail(letters.error());
  if (letters->empty()) {
    return Fail(ErrorCode::kMissingReference, id + " is no dead letter: keystrand dead-letters list shows them, " +
                                                  "keystrand event show what became of an event");
  }
  if (letters->size() == 1) return std::move(letters->front());
  std::vector<std::string> positions;
  for (const auto& letter : *letters) positions.push_back(PositionText(letter.source) + " (" + letter.scope + ")");
  return Fail(ErrorCode::kRejected,
              id + " stands for several dead letters: give the position of one, " + Join(positions, " or "));
}

Result<LetterSelection> SelectLetters(store::Session& session, const LetterChoice& choice, const std::string& status,
                                      const std::string& events_topic) {
  LetterSelection selection;
  if (!choice.ids.empty()) {
    if (auto selected = SelectByIds(session, choice.ids, selection); !selected) return Fail(selected.error());
  } else {
    auto filter = choice.Filter(NowMs());
    filter.status = status;
    filter.source_topic = events_topic;
    auto letters = Find(session, filter);
    if (!letters) return Fail(letters.error());
    selection.letters = std::move(*letters);
  }
  auto& letters = selection.letters;
  std::sort(letters.begin(), letters.end(), [](const auto& a, const auto& b) { return a.source < b.source; });
  letters.erase(
      std::unique(letters.begin(), letters.end(), [](const auto& a, const auto& b) { return a.source == b.source; }),
      letters.end());
  return selection;
}

Reply NothingChosen(const LetterSelection& selection, const std::string& status) {
  if (selection.problems.empty()) return {kNothing, "", Line("no dead letter that is " + status + " matches")};
  Reply reply{selection.ambiguous ? kFailed : kNothing, "", ""};
  for (const auto& problem : selection.problems) reply.err += Line(problem);
  return reply;
}

}  // namespace keystrand::worker::op
