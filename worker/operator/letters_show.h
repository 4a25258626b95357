#pragma once

#include <string>
#include <vector>

#include "worker/operator/console.h"
#include "worker/operator/settings.h"
#include "worker/store/event_history.h"
#include "worker/store/letter_search.h"

namespace keystrand::worker::op {

/// All that is known of one letter.
struct LetterReport {
  store::LetterSummary letter;
  store::LetterContent content;
  std::vector<store::LetterAttempt> earlier;  ///< the times it died before the last one
  std::vector<store::PastAction> actions;     ///< oldest first
  bool with_body = false;                     ///< whoever asked may see it; also headers that we do not know
};

std::string LetterReportText(const LetterReport& report);
std::string LetterReportJson(const LetterReport& report);

/// `keystrand dead-letters show ID`
Reply ShowLetter(const Settings& settings);

}  // namespace keystrand::worker::op
