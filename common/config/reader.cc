#include "common/config/reader.h"

#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "common/config/command_line.h"
#include "common/config/reading.h"
#include "common/config/report.h"

namespace keystrand::config {

Environment ProcessEnvironment() {
  Environment variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (!text.starts_with("KEYSTRAND_") || equals == std::string_view::npos) continue;
    variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

void Command::AddPositional(std::string& field, std::string name, std::string help) {
  positionals_.push_back({&field, std::move(name), std::move(help)});
}

void Command::AddPositionals(std::vector<std::string>& field, std::string name, std::string help) {
  rest_ = {&field, std::move(name), std::move(help)};
}

int Outcome::Finish() const {
  std::FILE* stream = exit_code == 0 ? stdout : stderr;
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
  return exit_code;
}

class Reader::Impl {
 public:
  explicit Impl(Program about) : program(std::move(about)) {}

  [[nodiscard]] CommandLineSpec Spec(const std::vector<SettingEntry>& settings) const {
    CommandLineSpec spec;
    spec.kafka = declaration.kafka != nullptr;
    spec.flags.emplace_back("config");
    for (const auto& entry : settings) {
      (entry.secret ? spec.secret_flags : spec.flags).push_back(entry.setting.name);
      if (entry.is_switch) spec.switches.push_back(entry.setting.name);
    }
    for (const auto& command : declaration.commands) {
      CommandLineSpec::Command shape{command.path(), {}, {}, command.rest().name};
      for (const auto& entry : command.entries()) {
        shape.flags.push_back(entry.setting.name);
        if (entry.is_switch) spec.switches.push_back(entry.setting.name);
      }
      for (const auto& positional : command.positionals()) shape.positionals.push_back(positional.name);
      spec.commands.push_back(std::move(shape));
    }
    return spec;
  }

  [[nodiscard]] std::string Help(const std::vector<SettingEntry>& settings, const std::string& command) const {
    HelpContent content{program, settings, declaration.commands, declaration.kafka != nullptr, {}, command};
    for (const auto& kind : declaration.section_kinds) content.section_kinds.push_back(kind.kind);
    return HelpText(content);
  }

  Program program;
  Declaration declaration;
};

Reader::Reader(Program program) : impl_(std::make_unique<Impl>(std::move(program))) {}
Reader::~Reader() = default;

void Reader::AddKafkaProperties(std::map<std::string, std::string>& properties) {
  impl_->declaration.kafka = &properties;
}

void Reader::AddSections(std::string kind, std::vector<SectionKey> keys, Sections& sections) {
  impl_->declaration.section_kinds.push_back({std::move(kind), std::move(keys), &sections});
}

Command& Reader::AddCommand(std::string path, std::string help) {
  return impl_->declaration.commands.emplace_back(std::move(path), std::move(help));
}

void Reader::Check(std::vector<std::string> about, std::function<std::vector<std::string>()> rule) {
  impl_->declaration.rules.push_back({std::move(about), std::move(rule)});
}

Outcome Reader::Read(int argc, const char* const* argv, const Environment& environment) {
  const auto line = ParseCommandLine(impl_->Spec(entries()), argc, argv);
  if (line.help) return {false, 0, impl_->Help(entries(), line.command), {}};
  if (line.version) return {false, 0, impl_->program.name + " " + impl_->program.version + "\n", {}};
  Reading reading(entries(), impl_->declaration, environment, line);
  reading.Run();
  if (!reading.problems().empty()) return {false, 2, ProblemsText(impl_->program, reading.problems()), {}};
  if (line.check) return {false, 0, CheckText(impl_->program, reading.report()), {}};
  return {true, 0, {}, line.command};
}

}  // namespace keystrand::config
