#pragma once

#include <chrono>
#include <cstddef>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "worker/store/objects.h"

namespace keystrand::worker::memory {

/// A row as a transaction of this worker left it.
struct KnownRow {
  store::ObjectRow row;  ///< views of `texts`
  std::string version;   ///< as store::UpdateObjects takes it
  std::string database;  ///< where: Session::identity
  std::chrono::steady_clock::time_point since;
  std::forward_list<std::string> texts;
  std::size_t bytes = 0;
};

/// Rows that this worker has committed in the last few seconds, with what is left to choose from in each: an object's
/// events often come several in a second, and the next one is decided from here. It is written on the condition that
/// the row has still its version, so what is known here need not be true. Thread-safe.
class KnownRows {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Settings {
    std::size_t bytes_max = 4UL * 1024 * 1024;  ///< the oldest are forgotten
    std::chrono::seconds age_max{10};           ///< likewise
  };
  explicit KnownRows(Settings settings) : settings_(settings) {}

  /// Null: not known, or of another database.
  [[nodiscard]] std::shared_ptr<const KnownRow> Find(const store::ObjectKey& key, std::string_view database, Time now);
  /// Copies it. An empty `database` is none to come back to.
  void Put(const store::ObjectRow& row, std::string_view version, std::string_view database, Time now);
  void Forget(const store::ObjectKey& key);

 private:
  using Rows = std::list<std::shared_ptr<const KnownRow>>;
  void Drop(Rows::iterator row);

  const Settings settings_;
  std::mutex mutex_;
  Rows by_age_;  ///< the newest first
  std::map<store::ObjectKey, Rows::iterator> by_key_;
  std::size_t bytes_ = 0;
};

}  // namespace keystrand::worker::memory
