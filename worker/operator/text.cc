#include "worker/operator/text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

#include "common/core/utf8.h"

namespace keystrand::worker::op {
namespace {

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

std::string Formatted(std::int64_t unix_ms, const char* format, const char* tail) {
  const std::int64_t ms = ((unix_ms % kSecond) + kSecond) % kSecond;
  const std::time_t seconds = (unix_ms - ms) / kSecond;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 64> date{};
  std::strftime(date.data(), date.size(), format, &utc);
  const std::string fraction = std::to_string(kSecond + ms).substr(1);  // three digits, zeros in front
  return std::string(date.data()) + "." + fraction + tail;
}

/// `whole` of the larger unit, and the smaller one unless it is zero.
std::string TwoUnits(std::int64_t ms, std::int64_t large, const char* large_name, std::int64_t small,
                     const char* small_name) {
  std::string text = std::to_string(ms / large) + large_name;
  const std::int64_t rest = ms % large / small;
  if (rest != 0) text += " " + std::to_string(rest) + small_name;
  return text;
}

/// Characters, for aligning: UTF-8 continuation bytes take no column.
std::size_t Width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

std::string Rfc3339(std::int64_t unix_ms) { return Formatted(unix_ms, "%Y-%m-%dT%H:%M:%S", "Z"); }
std::string ForPeople(std::int64_t unix_ms) { return Formatted(unix_ms, "%Y-%m-%d %H:%M:%S", ""); }

std::string Span(std::int64_t ms) {
  if (ms < kSecond) return std::to_string(std::max<std::int64_t>(ms, 0)) + " ms";
  if (ms < kMinute) return std::to_string(ms / kSecond) + " s";
  if (ms < kHour) return TwoUnits(ms, kMinute, " min", kSecond, " s");
  if (ms < kDay) return TwoUnits(ms, kHour, " h", kMinute, " min");
  return TwoUnits(ms, kDay, " d", kHour, " h");
}

std::string Grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = text.size(); at > first + 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string Count(std::int64_t number, std::string_view one, std::string_view plural) {
  std::string text = Grouped(number) + " ";
  if (number == 1) return text.append(one);
  return plural.empty() ? text.append(one) + "s" : text.append(plural);
}

std::string Safe(std::string_view text) {
  std::string safe;
  for (const char c : Printable(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      safe += "\xEF\xBF\xBD";
    } else {
      safe += c;
    }
  }
  for (std::size_t at = 0; at + 1 < safe.size(); ++at) {  // U+0080 to U+009F, which some terminals obey too
    if (safe[at] == '\xC2' && static_cast<unsigned char>(safe[at + 1]) < 0xA0) safe.replace(at, 2, "\xEF\xBF\xBD");
  }
  return safe;
}

std::string Join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const auto& part : parts) {
    if (!text.empty()) text += separator;
    text += part;
  }
  return text;
}

std::string Ranges(const std::vector<std::int32_t>& numbers) {
  std::vector<std::string> runs;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    const std::string first = std::to_string(numbers[i]);
    runs.push_back(end - i == 1 ? first : first + "-" + std::to_string(numbers[end - 1]));
    i = end;
  }
  return Join(runs, ",");
}

std::string Table::Render(std::string_view indent) const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line(indent);
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      const std::string padding(widths[i] - Width(row[i]), ' ');
      line += columns_[i] == Align::kRight ? padding + row[i] : row[i] + padding;
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string Block(const std::string& title, const std::vector<std::pair<std::string, std::string>>& lines) {
  Table table({Table::Align::kLeft, Table::Align::kLeft});
  for (const auto& [label, value] : lines) {
    if (!value.empty()) table.Add({label, Safe(value)});
  }
  return Safe(title) + "\n" + table.Render("  ");
}

}  // namespace keystrand::worker::op
