#include "common/stripe/json_scan.h"

#include <algorithm>
#include <optional>

#include "common/core/utf8.h"

namespace keystrand::stripe {
namespace {

/// The four hexadecimal digits at `at`.
std::optional<unsigned> HexAt(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return std::nullopt;
  unsigned value = 0;
  for (const char c : text.substr(at, 4)) {
    value <<= 4;
    if (c >= '0' && c <= '9') {
      value |= static_cast<unsigned>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value |= static_cast<unsigned>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      value |= static_cast<unsigned>(c - 'A' + 10);
    } else {
      return std::nullopt;
    }
  }
  return value;
}

constexpr bool IsHighSurrogate(unsigned code) { return code >= 0xD800 && code <= 0xDBFF; }
constexpr bool IsLowSurrogate(unsigned code) { return code >= 0xDC00 && code <= 0xDFFF; }

/// Length of the \u escape at `at`, of both halves of a pair; 0 if it is none.
std::size_t UnicodeEscapeLength(std::string_view text, std::size_t at, JsonString& string) {
  const auto code = HexAt(text, at + 2);
  if (!code || IsLowSurrogate(*code)) return 0;
  string.has_nul |= *code == 0;
  if (!IsHighSurrogate(*code)) return 6;
  if (text.substr(at + 6, 2) != "\\u") return 0;
  const auto low = HexAt(text, at + 8);
  return low && IsLowSurrogate(*low) ? 12 : 0;
}

/// Length of the escape at `at`; 0 if it is none.
std::size_t EscapeLength(std::string_view text, std::size_t at, JsonString& string) {
  if (at + 1 >= text.size()) return 0;
  if (text[at + 1] == 'u') return UnicodeEscapeLength(text, at, string);
  return std::string_view("\"\\/bfnrt").find(text[at + 1]) == std::string_view::npos ? 0 : 2;
}

void AppendUtf8(unsigned code, std::string& text) {
  const auto add = [&](unsigned byte) { text += static_cast<char>(byte); };
  if (code < 0x80) return add(code);
  if (code < 0x800) {
    add(0xC0 | code >> 6);
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3F));
  } else {
    add(0xF0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3F));
    add(0x80 | (code >> 6 & 0x3F));
  }
  add(0x80 | (code & 0x3F));
}

/// Appends what the escape at `at` stands for; returns its length.
std::size_t DecodeEscape(std::string_view raw, std::size_t at, std::string& decoded) {
  switch (raw[at + 1]) {
    case 'b': decoded += '\b'; return 2;
    case 'f': decoded += '\f'; return 2;
    case 'n': decoded += '\n'; return 2;
    case 'r': decoded += '\r'; return 2;
    case 't': decoded += '\t'; return 2;
    case 'u': break;
    default: decoded += raw[at + 1]; return 2;
  }
  const unsigned code = HexAt(raw, at + 2).value_or(0);
  if (!IsHighSurrogate(code)) return AppendUtf8(code, decoded), 6;
  const unsigned low = HexAt(raw, at + 8).value_or(0);
  AppendUtf8(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00), decoded);
  return 12;
}

bool IsDigitAt(std::string_view text, std::size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; }
std::size_t SkipDigits(std::string_view text, std::size_t at) {
  while (IsDigitAt(text, at)) ++at;
  return at;
}
bool IsAt(std::string_view text, std::size_t at, char c) { return at < text.size() && text[at] == c; }

}  // namespace

JsonString ScanUnusualString(std::string_view text, std::size_t at) {
  JsonString string;
  while ((at = SkipPlain(text, at)) < text.size() && text[at] != '"') {
    std::size_t length = 0;
    if (text[at] == '\\') {
      length = EscapeLength(text, at, string);
      string.escaped = true;
      string.fault = length == 0 ? "no escape, or half of a surrogate pair," : "";
    } else {
      length = text[at] >= 0 ? 0 : Utf8SequenceLength(text, at);
      string.fault = length == 0 ? "a control character, or no UTF-8," : "";
    }
    if (length == 0) break;
    at += length;
  }
  if (at >= text.size()) string.fault = "a string without an end";
  string.end = at;
  return string;
}

std::string DecodedString(std::string_view raw) {
  std::string decoded;
  while (!raw.empty()) {
    const std::size_t plain = std::min(raw.find('\\'), raw.size());
    decoded.append(raw.substr(0, plain));
    raw.remove_prefix(plain);
    if (!raw.empty()) raw.remove_prefix(DecodeEscape(raw, 0, decoded));
  }
  return decoded;
}

std::size_t NumberEnd(std::string_view text, std::size_t begin) {
  std::size_t at = begin;
  if (IsAt(text, at, '-')) ++at;
  const std::size_t integer = at;
  at = IsAt(text, at, '0') ? at + 1 : SkipDigits(text, at);
  if (at == integer) return begin;
  if (IsAt(text, at, '.')) {
    const std::size_t fraction = at + 1;
    at = SkipDigits(text, fraction);
    if (at == fraction) return begin;
  }
  if (IsAt(text, at, 'e') || IsAt(text, at, 'E')) {
    const bool sign = IsAt(text, at + 1, '+') || IsAt(text, at + 1, '-');
    const std::size_t exponent = sign ? at + 2 : at + 1;
    at = SkipDigits(text, exponent);
    if (at == exponent) return begin;
  }
  return at;
}

}  // namespace keystrand::stripe
