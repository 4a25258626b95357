#pragma once

#include <string>

#include "worker/operator/json.h"
#include "worker/store/letter_actions.h"
#include "worker/store/letter_search.h"

namespace keystrand::worker::op {

/// The subject of an action on one letter, as JSON: where its record first lay, its cycle, and its event's id, or where
/// it has none its position, by which `event show` finds it.
std::string LetterSubject(const store::LetterSummary& letter);
std::string LetterSubject(const store::LockedLetter& letter);

/// Into an object that has begun: which letter it is, of which event, and where it stands.
void AddIdentity(JsonWriter& json, const store::LetterSummary& letter);

}  // namespace keystrand::worker::op
