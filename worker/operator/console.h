#pragma once

#include <string>

#include "common/core/error.h"

namespace keystrand::worker::op {

/// Exit codes of the tool.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;       ///< it could not be done, or `status`: degraded
inline constexpr int kUnreachable = 2;  ///< Kafka or PostgreSQL cannot be asked, or a setting was refused

/// What a command leaves behind, for main to print.
struct Reply {
  int exit_code = kOk;
  std::string out;  ///< stdout, newline included
  std::string err;  ///< stderr: warnings and errors, a line each
};

/// A warning or error as a line for stderr.
std::string Line(const std::string& text);

/// What went wrong with Kafka or PostgreSQL in one line, with the remedy.
std::string KafkaTrouble(const Error& error, const std::string& brokers);
std::string DatabaseTrouble(const Error& error);

/// kUnreachable if the other side cannot be asked, else kFailed.
int ExitCodeOf(const Error& error);

}  // namespace keystrand::worker::op
