#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "worker/store/candidates.h"
#include "worker/store/session.h"

namespace keystrand::worker::store {

/// Primary key of stripe.objects.
struct ObjectKey {
  std::string scope;
  std::string object;  ///< kind, e.g. "customer"
  std::string id;      ///< "" for singletons
  auto operator<=>(const ObjectKey&) const = default;
};

/// A row of stripe.objects.
struct ObjectRow {
  ObjectKey key;
  std::string data;  ///< JSON text that PostgreSQL can hold; empty: not mirrored
  std::string api_version;
  std::string event_id;
  std::string event_type;
  std::int64_t event_created = 0;     ///< Unix s
  std::vector<Candidate> candidates;  ///< all events to choose from, the chosen one among them; empty if not loaded
  bool terminal = false;
  bool deleted = false;
};

/// What a batch wants to know of one object. `data` and `candidates` are loaded only if the row's event lies between
/// the oldest and the newest event of the batch: outside, the flags and times decide alone.
struct ObjectNeed {
  ObjectKey key;
  std::int64_t oldest = 0;  ///< Unix s
  std::int64_t newest = 0;  ///< Unix s
};

/// Runs what was deferred, then locks and returns the rows that exist, in key order. `needs` sorted by key, so that all
/// transactions lock in one order.
Result<std::vector<ObjectRow>> LoadObjects(Transaction& transaction, const std::vector<ObjectNeed>& needs);

/// Writes rows that LoadObjects found (and locked), with the next statement or the commit. Errors: kConflict: one is
/// gone.
Result<> UpdateObjects(Transaction& transaction, const std::vector<const ObjectRow*>& rows);

/// The table of this file, if an error came from one of its statements; else empty: another's.
std::string_view TableOf(const Error& error);

/// Inserts rows that LoadObjects did not find, likewise. Errors: kConflict: another partition was first.
Result<> InsertObjects(Transaction& transaction, const std::vector<const ObjectRow*>& rows);

}  // namespace keystrand::worker::store
