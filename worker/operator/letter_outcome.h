#pragma once

#include <string>
#include <vector>

#include "worker/operator/console.h"
#include "worker/operator/settings.h"
#include "worker/store/inbox.h"

namespace keystrand::worker::op {

/// What became, or in a dry run would become, of one dead letter that a command is about.
struct LetterOutcome {
  store::SourcePosition source;
  std::string event_id;   ///< empty: its body could not be read
  std::string result;     ///< a word or two: "replayed", "sent again", "discarded", "refused", "not sent"
  std::string replay_id;  ///< empty: none
  std::string detail;     ///< of a failure: why, and the remedy
  bool failed = false;
};

/// The letters and how many of each result; or an object a line. `problems` go to stderr. Exit code: kFailed if a
/// letter failed or there is a problem. Pure.
Reply PresentOutcomes(const std::vector<LetterOutcome>& outcomes, const std::vector<std::string>& problems,
                      Format format);

}  // namespace keystrand::worker::op
