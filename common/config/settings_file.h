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

/// Reads the part of TOML 1.0 that settings need: comments, [sections] (dotted), bare, quoted and dotted keys, strings
/// on one line, integers, booleans, and arrays of these. Everything else, and a key that comes twice, is a problem. Our
/// own, because CLI11 2.1.2 cuts strings at a #, tears quoted dotted keys apart, merges repeated keys and skips lines
/// that it does not understand. Pure. Source: toml.io 1.0.0.
SettingsFile ParseSettingsFile(std::string_view text);

}  // namespace keystrand::config
