#pragma once

#include "worker/operator/console.h"
#include "worker/operator/settings.h"
#include "worker/store/event_history.h"

namespace keystrand::worker::op {

/// Leaves what belongs to `scope` (empty: all). Pure.
void KeepScope(store::EventHistory& history, const std::string& scope);

/// Which record's body --payload prints. Errors: kRejected, the id stands for events of several scopes. Pure.
Result<store::SourcePosition> BodyPosition(const store::EventHistory& history);

/// `keystrand event show ID`
Reply ShowEvent(const Settings& settings);

}  // namespace keystrand::worker::op
