#pragma once

#include <algorithm>
#include <forward_list>
#include <map>
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
  struct Seconds {
    std::int64_t oldest;
    std::int64_t newest;
  };
  std::map<store::ObjectKey, Seconds> objects;  ///< with the span of the batch's events of each

  void NeedObject(const store::ObjectKey& key, std::int64_t created) {
    const auto [found, fresh] = objects.try_emplace(key, Seconds{created, created});
    if (fresh) return;
    found->second.oldest = std::min(found->second.oldest, created);
    found->second.newest = std::max(found->second.newest, created);
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

/// Everything a batch may change, event by event. Its rows are views: of the batch's events, which outlive it, of what
/// was loaded, and of what it holds.
struct UnitOfWork {
  Table<store::ObjectKey, store::ObjectRow> objects;
  MonotoneValues monotone;

  void Load(store::LoadedObjects loaded) {
    for (auto& row : loaded.rows) objects.Load(std::move(row));
    loaded_.push_front(std::move(loaded));
  }
  /// Text that is not an event's own, for a row to view.
  std::string_view Hold(std::string text) { return held_.emplace_front(std::move(text)); }

  void Keep() { objects.Keep(); }
  void Undo() { objects.Undo(); }

 private:
  std::forward_list<store::LoadedObjects> loaded_;
  std::forward_list<std::string> held_;
};

}  // namespace keystrand::worker::handlers
