#include "common/config/report.h"

#include <algorithm>
#include <sstream>

#include "common/config/names.h"

namespace keystrand::config {
namespace {

constexpr std::size_t kWidth = 100;

/// `text` broken at blanks into lines of at most kWidth, each behind `indent`.
std::string Wrapped(const std::string& text, const std::string& indent) {
  std::istringstream words(text);
  std::string out;
  std::string line = indent;
  for (std::string word; words >> word;) {
    const bool fresh = line.size() == indent.size();
    if (!fresh && line.size() + 1 + word.size() > kWidth) {
      out += line + "\n";
      line = indent + word;
    } else {
      line += (fresh ? "" : " ") + word;
    }
  }
  return out + line + "\n";
}

std::string FallbackOf(const SettingEntry& entry) {
  if (entry.setting.required) return "Required.";
  return entry.fallback.empty() ? "Default: none." : "Default: " + entry.fallback + ".";
}

std::string HelpOf(const SettingEntry& entry, bool command) {
  const std::string name = entry.setting.name;
  std::string head = entry.secret ? "" : "--" + name + "  ";
  if (!command) head += EnvironmentName(name) + "  ";
  return "  " + head + "(" + entry.type + ")\n" + Wrapped(entry.setting.help + ". " + FallbackOf(entry), "      ");
}

std::string CommandHelp(const Command& command) {
  std::string usage = command.path();
  for (const auto& positional : command.positionals()) usage += " " + positional.name;
  const auto& rest = command.rest();
  if (rest.field != nullptr) usage += " [" + rest.name + "]...";
  std::string text = "  " + usage + "\n" + Wrapped(command.help() + ".", "      ");
  for (const auto& positional : command.positionals()) {
    text += Wrapped(positional.name + ": " + positional.help + ".", "      ");
  }
  if (rest.field != nullptr) text += Wrapped(rest.name + ": " + rest.help + ".", "      ");
  for (const auto& entry : command.entries()) text += "    " + HelpOf(entry, true);
  return text;
}

std::string CommonHelp(const HelpContent& content) {
  std::string text;
  if (content.kafka) {
    text += "  --kafka.PROPERTY=VALUE  [kafka] in the file\n" +
            Wrapped(
                "Any property of librdkafka, for TLS, SASL and tuning; may be repeated. Those that hold a secret "
                "have no flag but a variable, as KEYSTRAND_KAFKA_SASL_PASSWORD. Default: none.",
                "      ");
  }
  for (const auto& kind : content.section_kinds) text += "  [" + kind + ".NAME] in the file\n";
  return text +
         "  --config FILE  KEYSTRAND_CONFIG\n      The settings file (TOML): name = value. Default: none.\n"
         "  --check\n      Print the effective settings, secrets as ***, and exit: 0, or 2 if one is refused.\n"
         "  --version, --help\n";
}

}  // namespace

std::string HelpText(const HelpContent& content) {
  const auto& program = content.program;
  std::string text = program.name + " " + program.version + "\n" + Wrapped(program.description, "") + "\n";
  text += "Usage: " + program.name + (content.commands.empty() ? "" : " COMMAND") + " [--SETTING VALUE]...\n";
  text +=
      "A setting is taken from its flag, else its environment variable, else the settings file, else its default.\n";
  if (!content.commands.empty()) text += content.command.empty() ? "\nCommands\n" : "\nCommand\n";
  for (const auto& command : content.commands) {
    if (content.command.empty() || content.command == command.path()) text += CommandHelp(command);
  }
  text += "\nSettings\n";
  for (const auto& entry : content.settings) text += HelpOf(entry, false);
  return text + CommonHelp(content);
}

std::string CheckText(const Program& program, const std::vector<ReportLine>& lines) {
  std::size_t name_width = 0;
  std::size_t value_width = 0;
  for (const auto& line : lines) {
    name_width = std::max(name_width, line.name.size());
    value_width = std::max(value_width, line.value.size());
  }
  std::string text = program.name + " " + program.version + ": the settings are good\n";
  for (const auto& line : lines) {
    text += line.name + std::string(name_width - line.name.size() + 2, ' ') + line.value +
            std::string(value_width - line.value.size() + 2, ' ') + line.source + "\n";
  }
  return text;
}

std::string ProblemsText(const Program& program, const std::vector<std::string>& problems) {
  std::string text = program.name + ": " + std::to_string(problems.size()) +
                     (problems.size() == 1 ? " problem" : " problems") + " in the settings\n";
  for (const auto& problem : problems) text += "  " + problem + "\n";
  return text;
}

}  // namespace keystrand::config
