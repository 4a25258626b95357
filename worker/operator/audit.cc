#include "worker/operator/audit.h"

#include <utility>

namespace keystrand::worker::op {

Result<> Audit(const Settings& settings, store::OperatorAction action) {
  action.actor = settings.actor;
  store::Session session(settings.Database(), nullptr);
  if (auto connected = session.Connect(); !connected) return connected;
  return session.InTransaction(
      [&](store::Transaction& transaction) { return store::InsertOperatorAction(transaction, action); });
}

}  // namespace keystrand::worker::op
