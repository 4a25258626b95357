#pragma once

#include <string>

#include "worker/store/session.h"

namespace keystrand::worker::store {

/// What an operator is about to do: a row of keystrand.operator_actions, which nobody can change or delete.
struct OperatorAction {
  std::string actor;
  std::string action;     ///< dotted: "topics.create", "event.payload_shown"
  std::string reason;     ///< empty: none given
  std::string replay_id;  ///< empty: none
  std::string subject;    ///< JSON object: what it is done to
};

/// Commit it before the action: an action without its row must not happen.
Result<> InsertOperatorAction(Transaction& transaction, const OperatorAction& action);

}  // namespace keystrand::worker::store
