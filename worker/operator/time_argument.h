#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace keystrand::worker::op {

/// A time as operators give it, in Unix ms: RFC 3339 ("2026-11-24T01:02:03Z"), a date ("2026-11-24", its first moment
/// in UTC), or how long ago ("90s", "15m", "2h", "3d"). Nothing: it is none of these. Pure.
std::optional<std::int64_t> ParseTime(std::string_view text, std::int64_t now_ms);

inline constexpr std::string_view kTimeRemedy =
    "give a time (2026-11-24T01:02:03Z), a date (2026-11-24) or how long ago (90s, 15m, 2h, 3d)";

}  // namespace keystrand::worker::op
