#include "common/config/reading.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "common/config/names.h"

namespace keystrand::config {
namespace {

constexpr const char* kKafka = "kafka";

std::string Join(const std::vector<std::string>& parts, const std::string& between) {
  std::string joined;
  for (std::size_t i = 0; i < parts.size(); ++i) joined += (i == 0 ? "" : between) + parts[i];
  return joined;
}

std::string Trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The file's bytes, or nothing and errno.
std::optional<std::string> ReadWhole(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) return std::nullopt;
  std::string text;
  std::array<char, 4096> block;
  while (const auto size = std::fread(block.data(), 1, block.size(), file.get())) text.append(block.data(), size);
  if (std::ferror(file.get()) != 0) return std::nullopt;  // a folder opens, and fails here
  return text;
}

/// "a, b" -> a b. Nothing at all is no element.
std::vector<std::string> SplitList(const std::string& text) {
  std::vector<std::string> elements;
  std::size_t start = 0;
  while (!Trimmed(text).empty() && start <= text.size()) {
    const auto end = std::min(text.find(',', start), text.size());
    elements.push_back(Trimmed(text.substr(start, end - start)));
    start = end + 1;
  }
  return elements;
}

const SettingEntry* FindSetting(const std::vector<SettingEntry>& settings, const std::string& name) {
  const auto found = std::find_if(settings.begin(), settings.end(),
                                  [&](const SettingEntry& entry) { return entry.setting.name == name; });
  return found == settings.end() ? nullptr : &*found;
}

/// The value as a problem may show it.
std::string Shown(const SettingEntry& entry, const std::vector<std::string>& values) {
  if (entry.secret) return kHidden;
  const std::string value = Join(values, ",");
  return "\"" + (entry.shown_value ? entry.shown_value(value) : value) + "\"";
}

/// How to give a setting: "--listen, KEYSTRAND_LISTEN, or listen in the settings file".
std::string WaysToGive(const SettingEntry& entry) {
  const auto& name = entry.setting.name;
  return (entry.secret ? "" : "--" + name + ", ") + EnvironmentName(name) + ", or " + name + " in the settings file";
}

}  // namespace

Reading::Reading(const std::vector<SettingEntry>& settings, const Declaration& declaration,
                 const Environment& environment, const CommandLine& line)
    : settings_(settings), declaration_(declaration), environment_(environment), line_(line) {}

void Reading::Run() {
  problems_ = line_.problems;
  ReadFile();
  for (const auto& entry : settings_) ApplySetting(entry);
  ApplyKafka();
  ApplyCommand();
  CheckRules();
}

void Reading::Problem(const std::string& setting, const std::string& text) {
  troubled_.insert(setting);
  problems_.push_back(text);
}

std::optional<std::string> Reading::Variable(const std::string& name) const {
  const auto found = environment_.find(EnvironmentName(name));
  if (found == environment_.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

void Reading::ReadFile() {
  const auto flag = line_.flags.find("config");
  file_name_ = flag != line_.flags.end() ? flag->second : Variable("config").value_or("");
  if (file_name_.empty()) return;
  const auto text = ReadWhole(file_name_);
  if (!text) {
    return Problem("config", "config = \"" + file_name_ + "\": cannot be read (" +
                                 std::generic_category().message(errno) + "); give a file that this user may read");
  }
  const auto file = ParseSettingsFile(*text);
  for (const auto& problem : file.problems) problems_.push_back(file_name_ + " " + problem);
  for (const auto& entry : file.entries) SortFileEntry(entry);
}

void Reading::SortFileEntry(const FileEntry& entry) {
  if (entry.path.front() == kKafka && declaration_.kafka != nullptr) return SortKafkaEntry(entry);
  for (const auto& kind : declaration_.section_kinds) {
    if (entry.path.front() == kind.kind) return SortSectionEntry(kind, entry);
  }
  const std::string name = Join(entry.path, ".");
  if (entry.path.size() > 1 || FindSetting(settings_, name) == nullptr) {
    return RefuseFileEntry(entry, "no such setting here; --help lists them");
  }
  const std::string where = file_name_ + ":" + std::to_string(entry.line);
  from_file_[name] = Given{entry.values, entry.array, "file " + where, where};
}

void Reading::SortKafkaEntry(const FileEntry& entry) {
  const std::string property = Join({entry.path.begin() + 1, entry.path.end()}, ".");
  if (property.empty() || entry.array) return RefuseFileEntry(entry, "write PROPERTY = \"value\" under [kafka]");
  const std::string where = file_name_ + ":" + std::to_string(entry.line);
  kafka_from_file_[property] = Given{entry.values, false, "file " + where, where};
}

void Reading::SortSectionEntry(const Declaration::SectionKind& kind, const FileEntry& entry) {
  if (entry.path.size() != 3) return RefuseFileEntry(entry, "write key = value under [" + kind.kind + ".NAME]");
  const auto key = std::find_if(kind.keys.begin(), kind.keys.end(),
                                [&](const SectionKey& known) { return known.name == entry.path[2]; });
  if (key == kind.keys.end()) return RefuseFileEntry(entry, "no such key in a section of this kind");
  (*kind.sections)[entry.path[1]][entry.path[2]] = entry.values;
  const std::string where = file_name_ + ":" + std::to_string(entry.line);
  report_.push_back({Join(entry.path, "."), key->secret ? kHidden : Join(entry.values, ","), "file " + where});
}

void Reading::RefuseFileEntry(const FileEntry& entry, const std::string& remedy) {
  Problem(Join(entry.path, "."),
          file_name_ + " line " + std::to_string(entry.line) + ": " + Join(entry.path, ".") + ": " + remedy);
}

std::optional<Reading::Given> Reading::Find(const SettingEntry& entry) const {
  const auto& name = entry.setting.name;
  if (const auto flag = line_.flags.find(name); flag != line_.flags.end()) {
    return Given{{flag->second}, false, "flag", "--" + name};
  }
  if (const auto variable = Variable(name)) return Given{{*variable}, false, "environment", EnvironmentName(name)};
  const auto file = from_file_.find(name);
  return file == from_file_.end() ? std::nullopt : std::optional(file->second);
}

void Reading::Apply(const SettingEntry& entry, const std::optional<Given>& given) {
  if (!given) return;
  const auto& name = entry.setting.name;
  if (given->source == "flag" && entry.refused_as_flag && entry.refused_as_flag(given->values.front())) {
    return Problem(name, name + " = " + Shown(entry, given->values) + " (" + given->where +
                             "): holds a password, and others can read the command line; use " + EnvironmentName(name) +
                             " or the settings file");
  }
  const bool comma_list = entry.list && !given->array;
  const auto remedy = entry.apply(comma_list ? SplitList(given->values.front()) : given->values);
  if (remedy) Problem(name, name + " = " + Shown(entry, given->values) + " (" + given->where + "): " + *remedy);
}

void Reading::ApplySetting(const SettingEntry& entry) {
  const auto given = Find(entry);
  Apply(entry, given);
  if (entry.setting.required) RequireFor(entry, "");
  report_.push_back({entry.setting.name, entry.show(), given ? given->source : "default"});
}

void Reading::RequireFor(const SettingEntry& entry, const std::string& whom) {
  const auto& name = entry.setting.name;
  if (!entry.show().empty() || troubled_.contains(name)) return;
  Problem(name, name + ": not set" + whom + "; give " + WaysToGive(entry) + " (" + entry.type + ")");
}

void Reading::ApplyKafka() {
  if (declaration_.kafka == nullptr) return;
  auto properties = kafka_from_file_;
  for (const auto property : kSecretKafkaProperties) {
    const std::string name = std::string("kafka.").append(property);
    if (const auto value = Variable(name)) {
      properties[std::string(property)] = Given{{*value}, false, "environment", EnvironmentName(name)};
    }
  }
  for (const auto& [name, value] : line_.kafka) properties[name] = Given{{value}, false, "flag", "--kafka." + name};
  for (const auto& [name, given] : properties) {
    (*declaration_.kafka)[name] = given.values.front();
    report_.push_back({"kafka." + name, IsSecretKafkaProperty(name) ? kHidden : given.values.front(), given.source});
  }
}

void Reading::ApplyCommand() {
  for (const auto& command : declaration_.commands) {
    if (command.path() != line_.command) continue;
    for (const auto& entry : command.entries()) {
      const auto& name = entry.setting.name;
      const auto flag = line_.command_flags.find(name);
      if (flag != line_.command_flags.end()) Apply(entry, Given{{flag->second}, false, "flag", "--" + name});
      if (entry.setting.required && entry.show().empty())
        Problem(name, "--" + name + ": not given (" + entry.type + ")");
    }
    for (std::size_t i = 0; i < command.positionals().size() && i < line_.positionals.size(); ++i) {
      *command.positionals()[i].field = line_.positionals[i];
    }
    if (command.rest().field != nullptr) *command.rest().field = line_.rest;
    for (const auto& name : command.required()) {
      if (const auto* entry = FindSetting(settings_, name)) RequireFor(*entry, " (" + command.path() + " needs it)");
    }
  }
}

void Reading::CheckRules() {
  for (const auto& rule : declaration_.rules) CheckRule(rule);
  for (const auto& command : declaration_.commands) {
    if (command.path() != line_.command) continue;
    for (const auto& rule : command.rules()) CheckRule(rule);
  }
}

void Reading::CheckRule(const Declaration::Rule& rule) {
  const bool told = std::any_of(rule.about.begin(), rule.about.end(),
                                [&](const std::string& name) { return troubled_.contains(name); });
  if (told) return;
  for (auto& problem : rule.rule()) problems_.push_back(std::move(problem));
}

}  // namespace keystrand::config
