#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace keystrand::config {

/// What may stand on a command line. Names without the dashes.
struct CommandLineSpec {
  struct Command {
    std::string path;  ///< "topics create"
    std::vector<std::string> flags;
    std::vector<std::string> positionals;
    std::string rest = {};  ///< name of the positionals behind those, any number; empty: there are none
  };
  std::vector<std::string> flags;         ///< each takes one value
  std::vector<std::string> switches;      ///< those of all flags that may stand alone, which means true
  std::vector<std::string> secret_flags;  ///< refused, with the names of what to use instead
  std::vector<Command> commands;
  bool kafka = false;  ///< --kafka.PROPERTY=VALUE
};

/// What stood there, as text.
struct CommandLine {
  std::map<std::string, std::string> flags;
  std::string command;                               ///< path of the command, if the program has any
  std::map<std::string, std::string> command_flags;  ///< those of `command`
  std::vector<std::string> positionals;              ///< those of `command`
  std::vector<std::string> rest;                     ///< likewise
  std::map<std::string, std::string> kafka;
  bool help = false;
  bool version = false;
  bool check = false;
  std::vector<std::string> problems;  ///< never a value that might be a secret
};

/// Splits a command line by `spec`. Does not judge values.
CommandLine ParseCommandLine(const CommandLineSpec& spec, int argc, const char* const* argv);

}  // namespace keystrand::config
