#include "common/log/folding.h"

#include <iterator>

namespace keystrand::log {

bool Folding::Admit(const Line& line, std::chrono::steady_clock::time_point now) {
  const std::lock_guard lock(mutex_);
  auto& window = windows_[{line.action, std::string(line.error_code)}];
  if (window.lines == 0 || now - window.begin >= kWindow) {
    if (window.summary.suppressed > 0) ended_.push_back(window.summary);
    window = Window{now, 0, {line.level, line.action, std::string(line.error_code), line.message, 0}};
  }
  if (++window.lines <= kLinesMax) return true;
  window.summary.level = line.level;
  window.summary.message = line.message;
  ++window.summary.suppressed;
  return false;
}

std::vector<Folding::Summary> Folding::End(std::chrono::steady_clock::time_point now) {
  const std::lock_guard lock(mutex_);
  auto summaries = std::exchange(ended_, {});
  for (auto entry = windows_.begin(); entry != windows_.end();) {
    const auto& window = entry->second;
    if (now - window.begin < kWindow) {
      ++entry;
      continue;
    }
    if (window.summary.suppressed > 0) summaries.push_back(window.summary);
    entry = windows_.erase(entry);
  }
  return summaries;
}

}  // namespace keystrand::log
