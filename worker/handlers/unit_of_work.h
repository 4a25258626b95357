#pragma once

#include <algorithm>
#include <forward_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/handlers/guard.h"
#include "worker/store/objects.h"

namespace keystrand::worker::handlers {

/// Rows that a batch looks at, by table; filled by the handlers, in any order.
struct RowKeys {
  struct Use {
    std::int64_t oldest;  ///< Unix s, of the batch's events of the object
    std::int64_t newest;  ///< likewise
    /// Of a single event to which a row of a lower rank is as good as none: its rank.
    std::optional<Rank> unless_lower{};
  };
  std::map<store::ObjectKey, Use> objects;

  void NeedObject(const store::ObjectKey& key, std::int64_t created) { Add(key, created); }

  /// The same for an event of this rank whose Apply, where the row has a lower one, does and says what it would do
  /// without the row, and writes the row with this rank. It may be applied as if there were none, on the condition that
  /// the database refuses the batch if there is another.
  void NeedObjectUnlessLower(const store::ObjectKey& key, const Rank& rank) {
    if (auto [use, fresh] = Add(key, rank.created); fresh) use->unless_lower = rank;
  }

 private:
  std::pair<Use*, bool> Add(const store::ObjectKey& key, std::int64_t created) {
    const auto [found, fresh] = objects.try_emplace(key, Use{created, created});
    Use& use = found->second;
    use.oldest = std::min(use.oldest, created);
    use.newest = std::max(use.newest, created);
    if (!fresh) use.unless_lower.reset();
    return {&use, fresh};
  }
};

/// The rows of one table during a batch: loaded once, changed in memory, written once. A row has its `key`.
template <typename Key, typename Row>
class Table {
 public:
  /// A row as the database has it.
  void Load(Row row) {
    const Key key = row.key;
    rows_.insert_or_assign(key, Entry{std::move(row), true, false});
  }

  [[nodiscard]] const Row* Find(const Key& key) const {
    const auto found = rows_.find(key);
    return found == rows_.end() ? nullptr : &found->second.row;
  }

  void Put(Row row) {
    const auto [place, fresh] = rows_.try_emplace(row.key);
    undo_.push_back({place, fresh ? std::nullopt : std::optional(std::move(place->second))});
    place->second = Entry{std::move(row), !fresh && undo_.back().before->stored, true};
  }

  /// What the current event did stays.
  void Keep() { undo_.clear(); }
  /// What the current event did never happened.
  void Undo() {
    for (auto change = undo_.rbegin(); change != undo_.rend(); ++change) {
      if (change->before) {
        change->place->second = *std::move(change->before);
      } else {
        rows_.erase(change->place);
      }
    }
    undo_.clear();
  }

  /// All rows, in key order.
  [[nodiscard]] std::vector<const Row*> All() const {
    std::vector<const Row*> all;
    for (const auto& [key, entry] : rows_) all.push_back(&entry.row);
    return all;
  }

  /// Changed rows that the database has (`stored`) or has not, in key order.
  [[nodiscard]] std::vector<const Row*> Changed(bool stored) const {
    std::vector<const Row*> changed;
    for (const auto& [key, entry] : rows_) {
      if (entry.changed && entry.stored == stored) changed.push_back(&entry.row);
    }
    return changed;
  }

 private:
  struct Entry {
    Row row{};
    bool stored = false;
    bool changed = false;
  };
  using Rows = std::map<Key, Entry>;
  struct Change {
    typename Rows::iterator place;
    std::optional<Entry> before;  ///< empty: it was not there
  };
  Rows rows_;
  std::vector<Change> undo_;
};

using Objects = Table<store::ObjectKey, store::ObjectRow>;

/// Everything a batch may change, event by event. Its rows are views: of the batch's events, which outlive it, of what
/// was loaded, and of what it holds.
struct UnitOfWork {
  Objects objects;
  store::Versions versions;  ///< of rows that were not read
  MonotoneValues monotone;

  void Load(store::LoadedObjects loaded) {
    for (auto& row : loaded.rows) objects.Load(std::move(row));
    loaded_.push_front(std::move(loaded));
  }
  /// A row that was not read, but is known to have been that in this version. `owner`: of what it views.
  void Load(const store::ObjectRow& row, std::string_view version, std::shared_ptr<const void> owner) {
    objects.Load(row);
    versions.emplace(row.key, version);
    owners_.push_front(std::move(owner));
  }
  /// Text that is not an event's own, for a row to view.
  std::string_view Hold(std::string text) { return held_.emplace_front(std::move(text)); }

  void Keep() { objects.Keep(); }
  void Undo() { objects.Undo(); }

 private:
  std::forward_list<store::LoadedObjects> loaded_;
  std::forward_list<std::shared_ptr<const void>> owners_;
  std::forward_list<std::string> held_;
};

}  // namespace keystrand::worker::handlers
