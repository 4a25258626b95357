#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/log/log.h"

namespace keystrand::log {

/// Lets ten lines of one action and error_code through in a second and counts the others: a storm must not drown the
/// line that explains it. Thread-safe. Time is handed in.
class Folding {
 public:
  static constexpr std::uint64_t kLinesMax = 10;
  static constexpr std::chrono::seconds kWindow{1};

  /// The line that stands for those that were held back in one window.
  struct Summary {
    Level level;
    Action action;
    std::string error_code;    ///< empty: none
    std::string_view message;  ///< of the last one; a literal
    std::uint64_t suppressed;
  };
  struct Line {
    Level level;
    Action action;
    std::string_view error_code;
    std::string_view message;  ///< a literal
  };

  /// Whether the line may be written now; else it is counted.
  bool Admit(const Line& line, std::chrono::steady_clock::time_point now);
  /// Ends windows that began a second ago or earlier (all of them with `now` at its maximum).
  std::vector<Summary> End(std::chrono::steady_clock::time_point now);

 private:
  struct Window {
    std::chrono::steady_clock::time_point begin;
    std::uint64_t lines = 0;
    Summary summary;
  };
  std::mutex mutex_;
  std::map<std::pair<Action, std::string>, Window, std::less<>> windows_;
  std::vector<Summary> ended_;  // of windows that Admit found to be over
};

}  // namespace keystrand::log
