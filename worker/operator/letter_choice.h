#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/config/reader.h"
#include "worker/store/letter_search.h"

namespace keystrand::worker::op {

/// Which dead letters a command is about, as the operator says it: ids, or a filter.
struct LetterChoice {
  std::vector<std::string> ids;  ///< event ids or positions
  std::string status;
  std::string type;
  std::string code;
  std::string fingerprint;
  std::string key;
  std::string scope;
  std::string since;
  std::string until;
  std::int64_t limit = 0;  ///< the newest; 0: all

  /// Declares the filter's flags, but for the limit, whose default depends on the command.
  void AddFilterTo(config::Command& command);
  [[nodiscard]] bool HasFilter() const;
  /// The filter, but for `source_topic`. `since` and `until` are readable: Problems says so. Pure.
  [[nodiscard]] store::LetterFilter Filter(std::int64_t now_ms) const;
  /// What is wrong with the values, a line each with the remedy. Pure.
  [[nodiscard]] std::vector<std::string> Problems() const;
};

}  // namespace keystrand::worker::op
