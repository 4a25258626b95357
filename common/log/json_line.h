#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/log/log.h"

namespace keystrand::log {

/// Longest line, with its newline: what journals and shippers take whole.
inline constexpr std::size_t kLineBytesMax = 8192;
/// Longest text of one value in the line; what is longer ends in "…".
inline constexpr std::size_t kValueBytesMax = 2048;

/// What every line begins with.
struct LineHead {
  std::chrono::system_clock::time_point time;
  Level level;
  Action action;
  std::string_view message;
  std::string_view service;
  std::string_view instance;
  std::string_view version;
};

/// One JSON object and a newline, ASCII but for well-formed UTF-8 in values: bad bytes become U+FFFD, control
/// characters escapes. Fields that do not fit are left out, and `truncated` says so. `suppressed`: lines that this one
/// stands for besides itself; 0: none.
std::string BuildLine(const LineHead& head, const FieldValue* fields, std::size_t count, std::uint64_t suppressed = 0);

/// "2026-11-24T01:02:03.000004Z"
std::string Rfc3339(std::chrono::system_clock::time_point time);

}  // namespace keystrand::log
