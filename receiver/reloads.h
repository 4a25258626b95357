#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/core/result.h"
#include "common/log/action.h"
#include "common/metrics/registry.h"
#include "receiver/file_watch.h"

namespace keystrand::receiver {

/// What is read again while the program runs: on request, and when one of its files changes. What a reload refuses
/// leaves the old in force, is logged and counted. On one thread.
class Reloads {
 public:
  struct Item {
    std::string name;                  ///< for the log: the endpoint, or "tls"
    std::vector<std::string> files;    ///< empty: only on request
    std::function<Result<>()> reload;  ///< Errors: all problems in the detail; then the old is in force
    log::Action reloaded;
    log::Action refused;
    metrics::Counter reloaded_count;
    metrics::Counter refused_count;
  };

  void Add(Item item);
  /// Those of which a file has changed since the last call.
  void Changed();
  void All();

 private:
  struct Watched {
    Item item;
    std::vector<FileWatch> files;
  };
  static void Reload(const Item& item);

  std::vector<Watched> items_;
};

}  // namespace keystrand::receiver
