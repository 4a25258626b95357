#pragma once

#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/config/command_line.h"
#include "common/config/reader.h"
#include "common/config/report.h"
#include "common/config/settings_file.h"

namespace keystrand::config {

/// What a program declared, beside its settings.
struct Declaration {
  struct SectionKind {
    std::string kind;
    std::vector<SectionKey> keys;
    Sections* sections;
  };
  using Rule = Command::Rule;
  std::map<std::string, std::string>* kafka = nullptr;
  std::vector<SectionKind> section_kinds;
  std::list<Command> commands;  // references to them stay good
  std::vector<Rule> rules;
};

/// One reading: gathers what flags, environment and file give, sets the fields, and collects every problem.
class Reading {
 public:
  Reading(const std::vector<SettingEntry>& settings, const Declaration& declaration, const Environment& environment,
          const CommandLine& line);

  void Run();
  [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }
  [[nodiscard]] const std::vector<ReportLine>& report() const { return report_; }

 private:
  /// A value as given, and by what.
  struct Given {
    std::vector<std::string> values;
    bool array = false;
    std::string source;  ///< of the report: "flag"
    std::string where;   ///< of a problem: "--listen"
  };
  void ReadFile();
  void SortFileEntry(const FileEntry& entry);
  void SortKafkaEntry(const FileEntry& entry);
  void SortSectionEntry(const Declaration::SectionKind& kind, const FileEntry& entry);
  void RefuseFileEntry(const FileEntry& entry, const std::string& remedy);

  [[nodiscard]] std::optional<std::string> Variable(const std::string& name) const;
  [[nodiscard]] std::optional<Given> Find(const SettingEntry& entry) const;
  void Apply(const SettingEntry& entry, const std::optional<Given>& given);
  void ApplySetting(const SettingEntry& entry);
  void ApplyKafka();
  void ApplyCommand();
  void RequireFor(const SettingEntry& entry, const std::string& whom);
  void CheckRules();
  void CheckRule(const Declaration::Rule& rule);
  void Problem(const std::string& setting, const std::string& text);

  const std::vector<SettingEntry>& settings_;
  const Declaration& declaration_;
  const Environment& environment_;
  const CommandLine& line_;
  std::string file_name_;
  std::map<std::string, Given> from_file_;
  std::map<std::string, Given> kafka_from_file_;
  std::set<std::string> troubled_;  ///< settings that have a problem
  std::vector<std::string> problems_;
  std::vector<ReportLine> report_;
};

}  // namespace keystrand::config
