#pragma once

#include <string>
#include <vector>

#include "worker/operator/console.h"
#include "worker/operator/letter_choice.h"
#include "worker/store/letter_search.h"
#include "worker/store/session.h"

namespace keystrand::worker::op {

/// The letters that an operator chose, in the order of their positions, which is that of each customer's events.
struct LetterSelection {
  std::vector<store::LetterSummary> letters;
  std::vector<std::string> problems;  ///< ids that stand for no letter, or for several, a line each
  bool ambiguous = false;             ///< one of the problems is that there are several
};

/// By ids: whatever their status. By filter: those of `status` and of `events_topic`.
/// Errors: the database's.
Result<LetterSelection> SelectLetters(store::Session& session, const LetterChoice& choice, const std::string& status,
                                      const std::string& events_topic);

/// The letter of an id; several letters or none are kRejected and kMissingReference, told in the detail.
Result<store::LetterSummary> SelectLetter(store::Session& session, const std::string& id);

/// The reply when no letter was chosen: kNothing, or kFailed if an id stands for several. `status`: what they had to
/// be.
Reply NothingChosen(const LetterSelection& selection, const std::string& status);

}  // namespace keystrand::worker::op
