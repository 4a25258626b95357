#pragma once

#include <cstdint>
#include <string>

#include "common/core/error.h"

namespace keystrand::worker::op {

/// Exit codes of the tool. A command line or setting that is refused is 2 as well.
inline constexpr int kOk = 0;
inline constexpr int kFailed = 1;       ///< it could not be done, or not all of it; `status`: degraded
inline constexpr int kUnreachable = 2;  ///< of topics, status and event: Kafka or PostgreSQL cannot be asked
inline constexpr int kNothing = 3;      ///< nothing is there that the command could be about

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

/// Unix ms.
std::int64_t NowMs();

/// A failed reply with one line on stderr.
Reply Failed(const std::string& text);

/// kUnreachable if the other side cannot be asked, else kFailed.
int ExitCodeOf(const Error& error);

}  // namespace keystrand::worker::op
