#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/config/reader.h"
#include "worker/operator/settings.h"

namespace keystrand::worker::op {

/// Declares every command, with its flags and rules. `settings` outlive the reading.
void AddCommands(config::Reader& reader, Settings& settings);

/// How many dead letters `breaker accept` allows; nothing if the text is no number from 1 to 1,000,000. Pure.
std::optional<std::int64_t> AcceptedLetters(const std::string& text);

}  // namespace keystrand::worker::op
