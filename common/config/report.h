#pragma once

#include <list>
#include <string>
#include <vector>

#include "common/config/reader.h"

namespace keystrand::config {

/// One effective setting, as --check shows it.
struct ReportLine {
  std::string name;
  std::string value;   ///< redacted
  std::string source;  ///< "flag", "environment", "file FILE:LINE", "default"
};

/// What --help says of a program.
struct HelpContent {
  const Program& program;
  const std::vector<SettingEntry>& settings;
  const std::list<Command>& commands;
  bool kafka = false;
  std::vector<std::string> section_kinds;
  std::string command = {};  ///< only this one's help is wanted; empty: that of all
};

std::string HelpText(const HelpContent& content);
std::string CheckText(const Program& program, const std::vector<ReportLine>& lines);
std::string ProblemsText(const Program& program, const std::vector<std::string>& problems);

}  // namespace keystrand::config
