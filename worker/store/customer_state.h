#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "worker/store/event_history.h"
#include "worker/store/letter_search.h"
#include "worker/store/session.h"

/// How one customer's strand stands. Times are Unix ms; texts are empty where the database has none.
namespace keystrand::worker::store {

/// A row of keystrand.strands.
struct StrandState {
  std::string topic;
  std::int32_t partition = 0;
  std::string ordering_key;
  std::string state;   ///< parked, held
  std::string reason;  ///< retry, hold, breaker, operator
  std::int64_t since_ms = 0;
};

/// A row of keystrand.parked_events that is the first of its strand.
struct StrandHead {
  SourcePosition source;
  std::string event_id;
  std::string event_type;
  std::string status;
  int attempts = 0;
  std::optional<std::int64_t> next_attempt_at_ms;
  std::string last_error;
  std::int64_t behind = 0;  ///< how many events of the key wait behind it
};

/// An event of the key in the inbox.
struct SettledLately {
  std::string ordering_key;
  std::string event_id;
  std::string event_type;
  std::string status;
  std::string reason;
  std::int64_t settled_at_ms = 0;
};

struct CustomerState {
  std::string ordering_key;
  std::optional<StrandState> strand;  ///< empty: its events flow
  std::optional<StrandHead> head;
  std::vector<LetterSummary> open_letters;  ///< open and replaying, oldest first
  std::vector<SettledLately> settled;       ///< newest first
  bool in_mirror = false;                   ///< stripe.objects has such a customer
};

/// The ordering keys of an id in every scope that the inbox, the strands or the dead letters know. No more than
/// candidates: nothing need be known of them.
Result<std::vector<std::string>> KeysOfId(Transaction& transaction, const std::string& id);

/// All but what was settled, by key; a key of which nothing is known comes without anything.
Result<std::vector<CustomerState>> ReadCustomers(Transaction& transaction, const std::vector<std::string>& keys);

/// The newest `limit` of each key in the last `window`. Costs what was settled since then, of whatever key: the inbox
/// has no index on keys, which each insert would pay for.
Result<std::vector<SettledLately>> ReadSettledLately(Transaction& transaction, const std::vector<std::string>& keys,
                                                     std::chrono::seconds window, int limit);

}  // namespace keystrand::worker::store
