#include "common/config/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <sstream>

#include "common/config/names.h"

namespace keystrand::config {
namespace {

/// A flag as written: --name, --name=value, or --name value (the value is then the next argument).
struct Argument {
  std::string name;
  std::optional<std::string> value;
};

Argument SplitArgument(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos) return {text, std::nullopt};
  return {text.substr(0, equals), text.substr(equals + 1)};
}

/// Takes out what CLI11 must not see: Kafka properties, whose names are open, and secrets, which it would quote in its
/// messages. The rest comes in reverse, as CLI11 wants it.
class Sieve {
 public:
  Sieve(const CommandLineSpec& spec, CommandLine& line) : spec_(spec), line_(line) {}

  std::vector<std::string> Run(int argc, const char* const* argv) {
    arguments_.assign(argv + std::min(argc, 1), argv + argc);
    for (at_ = 0; at_ < arguments_.size(); ++at_) Take(SplitArgument(arguments_[at_]));
    std::reverse(rest_.begin(), rest_.end());
    return std::move(rest_);
  }

 private:
  void Take(const Argument& argument) {
    if (spec_.kafka && argument.name.starts_with("--kafka.")) return TakeKafka(argument);
    const auto is_named = [&](const std::string& name) { return argument.name == "--" + name; };
    const auto secret = std::find_if(spec_.secret_flags.begin(), spec_.secret_flags.end(), is_named);
    if (secret != spec_.secret_flags.end()) {
      Refuse(*secret);
      ValueOf(argument);
    } else if (std::any_of(spec_.switches.begin(), spec_.switches.end(), is_named) && !argument.value) {
      TakeSwitch(argument.name);
    } else {
      rest_.push_back(arguments_[at_]);
    }
  }

  /// `--name` alone is true; a word that follows is its value only if it is one.
  void TakeSwitch(const std::string& name) {
    const std::string next = at_ + 1 < arguments_.size() ? arguments_[at_ + 1] : "";
    if (next == "true" || next == "false") ++at_;
    rest_.push_back(name + (next == "false" ? "=false" : "=true"));
  }

  void TakeKafka(const Argument& argument) {
    const std::string property = argument.name.substr(std::string("--kafka.").size());
    const auto value = ValueOf(argument);
    if (IsSecretKafkaProperty(property)) return Refuse("kafka." + property);
    if (!value) {
      line_.problems.push_back(argument.name + ": no value; write " + argument.name + "=VALUE");
    } else if (!line_.kafka.emplace(property, *value).second) {
      line_.problems.push_back(argument.name + ": given twice; give it once");
    }
  }

  void Refuse(const std::string& name) {
    line_.problems.push_back("--" + name + ": a secret has no flag, because others can read the command line; set " +
                             EnvironmentName(name) + " or " + name + " in the settings file");
  }

  /// The value behind the `=`, or the next argument.
  std::optional<std::string> ValueOf(const Argument& argument) {
    if (argument.value) return argument.value;
    const bool follows = at_ + 1 < arguments_.size() && !arguments_[at_ + 1].starts_with("--");
    return follows ? std::optional(arguments_[++at_]) : std::nullopt;
  }

  const CommandLineSpec& spec_;
  CommandLine& line_;
  std::vector<std::string> arguments_;
  std::size_t at_ = 0;
  std::vector<std::string> rest_;
};

constexpr int kPositionalsMax = 1 << 20;

/// One option that takes one value; what comes twice is kept, to be told.
void AddFlag(CLI::App& app, const std::string& name) {
  app.add_option("--" + name)->expected(1)->take_all()->allow_extra_args(false);
}

CLI::App& CommandApp(CLI::App& root, const std::string& path) {
  CLI::App* app = &root;
  std::istringstream words(path);
  for (std::string word; words >> word;) {
    const auto known = app->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == word; });
    app = known.empty() ? app->add_subcommand(word) : known.front();
    app->set_help_flag();
    app->fallthrough()->allow_extras();
  }
  return *app;
}

void Collect(const CLI::App& app, const std::vector<std::string>& names, std::map<std::string, std::string>& flags,
             std::vector<std::string>& problems) {
  for (const auto& name : names) {
    const auto values = app.get_option("--" + name)->results();
    if (values.size() > 1) problems.push_back("--" + name + ": given twice; give it once");
    if (!values.empty()) flags[name] = values.back();
  }
}

/// Tells what nobody asked for. A word behind an unknown flag is taken for its value, and not shown.
void RefuseExtras(const std::vector<std::string>& extras, std::vector<std::string>& problems) {
  bool after_flag = false;
  for (const auto& extra : extras) {
    const bool flag = extra.starts_with('-');
    if (flag) problems.push_back(SplitArgument(extra).name + ": no such flag; --help lists them");
    if (!flag && !after_flag) problems.push_back("\"" + extra + "\": unexpected; --help shows what is");
    after_flag = flag && extra.find('=') == std::string::npos;
  }
}

class Interpreter {
 public:
  explicit Interpreter(const CommandLineSpec& spec) : spec_(spec) {
    app_.set_help_flag();
    app_.allow_extras();
    app_.add_flag("--help,-h");
    app_.add_flag("--version");
    app_.add_flag("--check");
    for (const auto& name : spec.flags) AddFlag(app_, name);
    for (const auto& command : spec.commands) {
      auto& app = CommandApp(app_, command.path);
      for (const auto& name : command.flags) AddFlag(app, name);
      for (const auto& name : command.positionals) app.add_option(name)->expected(1);
      if (!command.rest.empty())
        app.add_option(command.rest)->expected(1, kPositionalsMax)->take_all()->allow_extra_args();
    }
  }

  void Run(std::vector<std::string> reversed, CommandLine& line) {
    try {
      app_.parse(reversed);
    } catch (const CLI::ArgumentMismatch& e) {  // "--name: …"; the flags that stood before it have been read
      const std::string what = e.what();
      line.problems.push_back(what.substr(0, what.find(':')) + ": needs one value; write --name=value");
    } catch (const CLI::ParseError& e) {
      line.problems.push_back(std::string(e.get_name()) + " on the command line; --help shows what is expected");
    }
    line.help = app_.count("--help") > 0;
    line.version = app_.count("--version") > 0;
    line.check = app_.count("--check") > 0;
    Collect(app_, spec_.flags, line.flags, line.problems);
    RefuseExtras(app_.remaining(true), line.problems);
    if (!spec_.commands.empty()) CollectCommand(line);
  }

 private:
  void CollectCommand(CommandLine& line) {
    for (const auto& command : spec_.commands) {
      const auto& app = CommandApp(app_, command.path);
      if (!app.parsed()) continue;
      line.command = command.path;
      Collect(app, command.flags, line.command_flags, line.problems);
      for (const auto& name : command.positionals) CollectPositional(app, command.path, name, line);
      if (!command.rest.empty()) line.rest = app.get_option(command.rest)->results();
      return;
    }
    if (!line.help && !line.version) line.problems.emplace_back("no command given; --help lists them");
  }

  static void CollectPositional(const CLI::App& app, const std::string& path, const std::string& name,
                                CommandLine& line) {
    const auto values = app.get_option(name)->results();
    if (values.empty()) line.problems.push_back(path + ": " + name + " is missing; write: " + path + " " + name);
    line.positionals.push_back(values.empty() ? "" : values.front());
  }

  const CommandLineSpec& spec_;
  CLI::App app_;
};

}  // namespace

CommandLine ParseCommandLine(const CommandLineSpec& spec, int argc, const char* const* argv) {
  CommandLine line;
  auto arguments = Sieve(spec, line).Run(argc, argv);
  Interpreter(spec).Run(std::move(arguments), line);
  return line;
}

}  // namespace keystrand::config
