#include "worker/store/operator_actions.h"

#include "common/core/utf8.h"

namespace keystrand::worker::store {
namespace {

constexpr Statement kInsert{"action_insert", R"(
INSERT INTO keystrand.operator_actions (actor, action, reason, replay_id, subject)
VALUES ($1, $2, nullif($3, ''), nullif($4, ''), $5::jsonb))"};

}  // namespace

Result<> InsertOperatorAction(Transaction& transaction, const OperatorAction& action) {
  Params params;
  params.Add(Printable(action.actor))
      .Add(action.action)
      .Add(Printable(action.reason))
      .Add(action.replay_id)
      .Add(action.subject);
  const auto inserted = transaction.Run(kInsert, params);
  if (!inserted) return Fail(inserted.error());
  return {};
}

}  // namespace keystrand::worker::store
