#pragma once

#include "worker/operator/settings.h"
#include "worker/store/operator_actions.h"

namespace keystrand::worker::op {

/// Writes and commits the audit row of an action, by the actor of the settings, on a connection of its own. Call it
/// before the action. Errors: the action must not happen (kUnavailable, kMisdeployed).
Result<> Audit(const Settings& settings, store::OperatorAction action);

}  // namespace keystrand::worker::op
