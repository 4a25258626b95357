#pragma once

#include <cstdint>
#include <forward_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/store/candidates.h"
#include "worker/store/session.h"

namespace keystrand::worker::store {

/// Primary key of stripe.objects. Views, as Candidate's.
struct ObjectKey {
  std::string_view scope;
  std::string_view object;  ///< kind, e.g. "customer"
  std::string_view id;      ///< "" for singletons
  auto operator<=>(const ObjectKey&) const = default;
};

/// A row of stripe.objects.
struct ObjectRow {
  ObjectKey key;
  Candidate shown;                    ///< the event that it shows: `data` and its columns
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

/// Rows that were loaded, and what they are views of; these stay valid when it is moved.
struct LoadedObjects {
  std::vector<ObjectRow> rows;
  std::optional<Rows> result{};
  std::forward_list<std::vector<std::string>> candidates{};
};

/// Runs what was deferred, then locks and returns the rows that exist, in key order. `needs` sorted by key, so that all
/// transactions lock in one order.
Result<LoadedObjects> LoadObjects(Transaction& transaction, const std::vector<ObjectNeed>& needs);

/// What a row's version is: the transaction that wrote it, its xmin. It says whether the row is still as that one left
/// it, within the time in which numbers of transactions come again, and in the same database.
using Versions = std::map<ObjectKey, std::string_view>;

/// Writes rows that LoadObjects found (and locked), or that have a version in `known`, with the next statement or the
/// commit. `written`, which outlives the transaction, gets the version that they have then. Errors: kConflict: one is
/// gone, or has another version.
Result<> UpdateObjects(Transaction& transaction, const std::vector<const ObjectRow*>& rows, const Versions& known,
                       std::string& written);

/// The table of this file, if an error came from one of its statements; else empty: another's.
std::string_view TableOf(const Error& error);

/// Inserts rows that LoadObjects did not find, likewise. Errors: kConflict: another partition was first.
Result<> InsertObjects(Transaction& transaction, const std::vector<const ObjectRow*>& rows);

/// Writes rows that nobody knows, likewise: each a new one, or in the place of one of a lower rank, as
/// handlers::Rank orders them. Errors: kConflict: an object has a row of the same or a higher rank, and nothing is
/// written.
Result<> ReplaceObjects(Transaction& transaction, const std::vector<const ObjectRow*>& rows, std::string& written);

}  // namespace keystrand::worker::store
