#pragma once

#include "worker/store/inbox.h"
#include "worker/store/session.h"

namespace keystrand::worker::store {

/// Notes, in a transaction of its own and before anything else is done with the record, that it is tried in suspicion.
/// Returns under how many epochs it was begun and never settled, this one included.
Result<int> CountTry(Transaction& transaction, const SourcePosition& record, std::int64_t epoch);

/// It is settled.
Result<> ForgetTry(Transaction& transaction, const SourcePosition& record);

}  // namespace keystrand::worker::store
