#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace keystrand::stripe {

/// Unix seconds of an RFC 3339 time such as "2026-10-28T06:20:52.123456Z" or "…+02:00"; the fraction is cut off.
/// Nothing if it is no such time.
std::optional<std::int64_t> UnixSecondsOf(std::string_view rfc3339);

}  // namespace keystrand::stripe
