#include "worker/store/params.h"

#include <algorithm>
#include <utility>

namespace keystrand::worker::store {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

unsigned FromHex(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<unsigned>(digit - '0');
  return static_cast<unsigned>(digit - 'a') + 10;  // PostgreSQL writes lower case
}

}  // namespace

void ArrayLiteral::Separate() {
  if (text_.size() > 1) text_ += ',';
}

void ArrayLiteral::Add(std::string_view text) {
  Separate();
  text_ += '"';
  std::size_t from = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {  // find_first_of calls memchr for every character: 10 % of a drain
    if (text[at] != '"' && text[at] != '\\') continue;
    text_.append(text, from, at - from);
    text_ += '\\';
    from = at;
  }
  text_.append(text, from);
  text_ += '"';
}

void ArrayLiteral::Add(std::int64_t number) {
  Separate();
  text_ += std::to_string(number);
}

void ArrayLiteral::Add(bool flag) {
  Separate();
  text_ += flag ? 't' : 'f';
}

void ArrayLiteral::AddNull() {
  Separate();
  text_ += "NULL";
}

std::string ArrayLiteral::Take() && {
  text_ += '}';
  return std::move(text_);
}

Params& Params::Add(std::string text) {
  values_.emplace_back(std::move(text));
  return *this;
}

Params& Params::AddNull() {
  values_.emplace_back(std::nullopt);
  return *this;
}

std::vector<const char*> Params::Pointers() const {
  std::vector<const char*> pointers;
  pointers.reserve(values_.size());
  for (const auto& value : values_) pointers.push_back(value ? value->c_str() : nullptr);
  return pointers;
}

std::string Bytea(std::string_view bytes) {
  std::string text = "\\x";
  text.reserve(2 + 2 * bytes.size());
  for (const char byte : bytes) {
    text += kHex[static_cast<unsigned char>(byte) >> 4U];
    text += kHex[static_cast<unsigned char>(byte) & 15U];
  }
  return text;
}

std::string FromBytea(std::string_view hex) {
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 2; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(FromHex(hex[i]) << 4U | FromHex(hex[i + 1]));
  }
  return bytes;
}

std::vector<std::string> ParseTextArray(std::string_view literal) {
  std::vector<std::string> elements;
  if (literal.size() <= 2) return elements;  // "{}"
  std::string element;
  bool quoted = false;      // inside quotes now
  bool was_quoted = false;  // a quoted NULL is a text, a bare one is a null
  const auto finish = [&] {
    if (!was_quoted && element == "NULL") element.clear();
    elements.push_back(std::exchange(element, {}));
    was_quoted = false;
  };
  for (std::size_t i = 1; i + 1 < literal.size(); ++i) {  // between the braces
    const char c = literal[i];
    if (quoted && c == '\\') {
      element += literal[++i];
    } else if (c == '"') {
      quoted = !quoted;
      was_quoted = true;
    } else if (c == ',' && !quoted) {
      finish();
    } else {
      element += c;
    }
  }
  finish();
  return elements;
}

}  // namespace keystrand::worker::store
