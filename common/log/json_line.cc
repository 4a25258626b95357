#include "common/log/json_line.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "common/core/utf8.h"

namespace keystrand::log {
namespace {

using std::chrono::microseconds;
using std::chrono::system_clock;

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";     // …
constexpr std::string_view kTruncated = ",\"truncated\":true";
constexpr std::string_view kEnd = "}\n";

void AppendEscape(std::string& out, unsigned code) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u00";
  out += kHex[code >> 4U];
  out += kHex[code & 0xFU];
}

/// The code of a control character at `at` (C0, DEL and C1, which terminals obey), or -1.
int ControlCode(std::string_view text, std::size_t at) {
  const auto byte = static_cast<unsigned char>(text[at]);
  if (byte < 0x20 || byte == 0x7F) return byte;
  const bool c1 = byte == 0xC2 && at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xA0;
  return c1 ? static_cast<unsigned char>(text[at + 1]) : -1;
}

/// Appends the character at `at`, made harmless, and returns how many bytes of `text` it took.
std::size_t AppendCharacter(std::string& out, std::string_view text, std::size_t at) {
  const std::size_t length = Utf8SequenceLength(text, at);
  if (length == 0) {
    out += kReplacement;
    return 1;
  }
  if (const int control = ControlCode(text, at); control >= 0) {
    AppendEscape(out, static_cast<unsigned>(control));
  } else {
    if (text[at] == '"' || text[at] == '\\') out += '\\';
    out.append(text, at, length);
  }
  return length;
}

void AppendString(std::string& out, std::string_view text) {
  out += '"';
  const std::size_t limit = out.size() + kValueBytesMax;
  for (std::size_t at = 0; at < text.size();) {
    if (out.size() >= limit) {
      out += kEllipsis;
      break;
    }
    at += AppendCharacter(out, text, at);
  }
  out += '"';
}

template <typename Number>
void AppendNumber(std::string& out, Number number) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void AppendValue(std::string& out, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kString: return AppendString(out, value.text());
    case Value::Kind::kInteger: return AppendNumber(out, value.integer());
    case Value::Kind::kNumber:
      if (!std::isfinite(value.number())) return void(out += "null");  // JSON has no infinity
      return AppendNumber(out, value.number());
    case Value::Kind::kBool: return void(out += value.integer() != 0 ? "true" : "false");
    case Value::Kind::kTime: return AppendString(out, Rfc3339(system_clock::time_point(microseconds(value.integer()))));
  }
}

void AppendKey(std::string& out, std::string_view name) {
  out += out.empty() ? "{\"" : ",\"";
  out.append(name).append("\":");
}

std::string BuildHead(const LineHead& head) {
  std::string out;
  out.reserve(512);
  const std::array<std::pair<std::string_view, std::string_view>, 6> rest{{{"level", NameOf(head.level)},
                                                                           {"action", NameOf(head.action)},
                                                                           {"message", head.message},
                                                                           {"service", head.service},
                                                                           {"instance", head.instance},
                                                                           {"version", head.version}}};
  AppendKey(out, "timestamp");
  AppendString(out, Rfc3339(head.time));
  for (const auto& [name, value] : rest) {
    AppendKey(out, name);
    AppendString(out, value.substr(0, 256));  // ours and short; the bound keeps room for the fields in any case
  }
  return out;
}

/// Appends the field, or nothing if the line would grow too long.
bool AppendField(std::string& out, std::string_view name, const Value& value) {
  const std::size_t before = out.size();
  AppendKey(out, name);
  AppendValue(out, value);
  if (out.size() + kTruncated.size() + kEnd.size() <= kLineBytesMax) return true;
  out.resize(before);
  return false;
}

}  // namespace

std::string Rfc3339(system_clock::time_point time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<microseconds>(time - day));
  std::array<char, 64> text{};
  const int size =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                    static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                    static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string BuildLine(const LineHead& head, const FieldValue* fields, std::size_t count, std::uint64_t suppressed) {
  std::string out = BuildHead(head);
  if (suppressed > 0) AppendField(out, "suppressed", suppressed);
  bool complete = true;
  for (std::size_t i = 0; i < count; ++i)
    complete = AppendField(out, NameOf(fields[i].field), fields[i].value) && complete;
  if (!complete) out += kTruncated;
  out += kEnd;
  return out;
}

}  // namespace keystrand::log
