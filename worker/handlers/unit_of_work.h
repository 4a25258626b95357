#pragma once

#include <algorithm>
#include <map>
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

/// The rows of one table during a batch: loaded once, changed in memory, written once.
template <typename Key, typename Row>
class Table {
 public:
  /// A row as the database has it.
  void Load(Key key, Row row) { rows_.insert_or_assign(std::move(key), Entry{std::move(row), true, false}); }

  [[nodiscard]] const Row* Find(const Key& key) const {
    const auto found = rows_.find(key);
    return found == rows_.end() ? nullptr : &found->second.row;
  }

  void Put(const Key& key, Row row) {
    const auto found = rows_.find(key);
    if (found == rows_.end()) {
      undo_.emplace_back(key, Entry{{}, false, false}, false);
      rows_.emplace(key, Entry{std::move(row), false, true});
      return;
    }
    const bool stored = found->second.stored;
    undo_.emplace_back(key, std::exchange(found->second, Entry{std::move(row), stored, true}), true);
  }

  /// What the current event did stays.
  void Keep() { undo_.clear(); }
  /// What the current event did never happened.
  void Undo() {
    for (auto change = undo_.rbegin(); change != undo_.rend(); ++change) {
      if (change->existed) {
        rows_.insert_or_assign(change->key, std::move(change->before));
      } else {
        rows_.erase(change->key);
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
    Row row;
    bool stored;
    bool changed;
  };
  struct Change {
    Change(Key changed_key, Entry entry, bool was_there)
        : key(std::move(changed_key)), before(std::move(entry)), existed(was_there) {}
    Key key;
    Entry before;
    bool existed;
  };
  std::map<Key, Entry> rows_;
  std::vector<Change> undo_;
};

/// Everything a batch may change, event by event.
struct UnitOfWork {
  Table<store::ObjectKey, store::ObjectRow> objects;
  MonotoneValues monotone;  ///< of events, whether what they did was kept or not

  void Keep() { objects.Keep(); }
  void Undo() { objects.Undo(); }
};

}  // namespace keystrand::worker::handlers
