#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace keystrand::config {

/// One `key = value` of a settings file.
struct FileEntry {
  std::vector<std::string> path;    ///< section names and key: [kafka] security.protocol -> kafka, security, protocol
  std::vector<std::string> values;  ///< as text: one, or an array's elements
  bool array = false;
  int line = 0;  ///< 1-based
};

struct SettingsFile {
  std::vector<FileEntry> entries;
  std::vector<std::string> problems;  ///< "line 3: …"; never a value, which may be secret
};

/// Reads TOML 1.0 and flattens it. A file that is not TOML is one problem, with its line; a value of a kind that no
/// setting takes (a float, a date, an array of tables) is a problem each. Pure.
SettingsFile ParseSettingsFile(std::string_view text);

}  // namespace keystrand::config
