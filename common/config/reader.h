#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/config/setting_list.h"

namespace keystrand::config {

/// Variables of the process by name; only KEYSTRAND_… is looked at. An empty value counts as not set.
using Environment = std::map<std::string, std::string>;
Environment ProcessEnvironment();

struct Program {
  std::string name;         ///< "keystrand-receiver"
  std::string description;  ///< one sentence of --help
  std::string version;      ///< "0.1.0 (a1b2c3d)"
};

/// A subcommand. Its settings describe one action, so they are flags and positional arguments only: neither environment
/// nor file.
class Command : public SettingList {
 public:
  Command(std::string path, std::string help) : path_(std::move(path)), help_(std::move(help)) {}
  /// A required positional argument, in the order added.
  void AddPositional(std::string& field, std::string name, std::string help);
  /// All positional arguments behind the required ones, none or many.
  void AddPositionals(std::vector<std::string>& field, std::string name, std::string help);
  /// This command needs that setting of the program.
  void Require(std::string setting) { required_.push_back(std::move(setting)); }
  /// A rule of this command, as Reader::Check; run only when it is the one given.
  void Check(std::vector<std::string> about, std::function<std::vector<std::string>()> rule) {
    rules_.push_back({std::move(about), std::move(rule)});
  }

  struct Positional {
    std::string* field;
    std::string name;
    std::string help;
  };
  struct Positionals {
    std::vector<std::string>* field = nullptr;  ///< null: there are none
    std::string name;
    std::string help;
  };
  struct Rule {
    std::vector<std::string> about;
    std::function<std::vector<std::string>()> rule;
  };
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& help() const { return help_; }
  [[nodiscard]] const std::vector<Positional>& positionals() const { return positionals_; }
  [[nodiscard]] const Positionals& rest() const { return rest_; }
  [[nodiscard]] const std::vector<std::string>& required() const { return required_; }
  [[nodiscard]] const std::vector<Rule>& rules() const { return rules_; }

 private:
  std::string path_;
  std::string help_;
  std::vector<Positional> positionals_;
  Positionals rest_;
  std::vector<std::string> required_;
  std::vector<Rule> rules_;
};

/// A key that sections of one kind may have.
struct SectionKey {
  std::string name;
  bool secret = false;
};

/// Sections `[kind.NAME]` of the file: NAME -> key -> values (one, or an array).
using Sections = std::map<std::string, std::map<std::string, std::vector<std::string>>>;

/// What became of the command line.
struct Outcome {
  bool ready = false;   ///< the fields are set: run. Else print and exit (Finish)
  int exit_code = 0;    ///< 0: --help, --version, a --check that passed; 2: refused
  std::string text;     ///< what to print when not ready
  std::string command;  ///< path of the subcommand ("topics create"); empty in a program without

  /// Prints `text` to stdout (exit code 0) or stderr, and returns the exit code: `return outcome.Finish();`
  [[nodiscard]] int Finish() const;
};

/// Reads the settings of one program: flag, else environment, else file (--config FILE or KEYSTRAND_CONFIG), else the
/// field's value as it was. All problems are found and told together. Besides the settings every program has --config,
/// --check (prints the effective settings with the source of each, and exits), --version and --help.
class Reader : public SettingList {
 public:
  explicit Reader(Program program);
  ~Reader();
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// `[kafka]` of the file and --kafka.PROPERTY=VALUE, any property. Properties that hold a secret (sasl.password,
  /// ssl.key.password, …) have no flag but an environment variable (KEYSTRAND_KAFKA_SASL_PASSWORD).
  void AddKafkaProperties(std::map<std::string, std::string>& properties);
  /// Takes `[kind.NAME]` sections of the file, any NAME, with these keys. Without this they are refused.
  void AddSections(std::string kind, std::vector<SectionKey> keys, Sections& sections);
  /// A subcommand: `path` is its words ("topics create"). A program with commands must be given one. Owned by this.
  Command& AddCommand(std::string path, std::string help);
  /// A rule over several settings, run after all fields are set; returns problems. Skipped if one of the settings
  /// `about` has a problem already, so that nothing is reported twice. "kafka" stands for all Kafka properties.
  void Check(std::vector<std::string> about, std::function<std::vector<std::string>()> rule);

  [[nodiscard]] Outcome Read(int argc, const char* const* argv, const Environment& environment);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keystrand::config
