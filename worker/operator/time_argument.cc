#include "worker/operator/time_argument.h"

#include <charconv>
#include <string>

#include "common/stripe/rfc3339.h"

namespace keystrand::worker::op {
namespace {

constexpr std::int64_t kAgoMax = 1'000'000;  // of any unit: far from overflow

std::int64_t UnitMs(char unit) {
  switch (unit) {
    case 's': return 1000;
    case 'm': return 60'000;
    case 'h': return 3'600'000;
    case 'd': return 86'400'000;
    default: return 0;
  }
}

std::optional<std::int64_t> ParseAgo(std::string_view text) {
  if (text.size() < 2 || UnitMs(text.back()) == 0) return std::nullopt;
  std::int64_t number = 0;
  const char* const end = text.data() + text.size() - 1;
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end || number < 0 || number > kAgoMax) return std::nullopt;
  return number * UnitMs(text.back());
}

}  // namespace

std::optional<std::int64_t> ParseTime(std::string_view text, std::int64_t now_ms) {
  if (const auto ago = ParseAgo(text)) return now_ms - *ago;
  const bool date = text.size() == std::string_view("2026-11-24").size();
  const auto seconds = stripe::UnixSecondsOf(date ? std::string(text) + "T00:00:00Z" : std::string(text));
  return seconds ? std::optional(*seconds * 1000) : std::nullopt;
}

}  // namespace keystrand::worker::op
