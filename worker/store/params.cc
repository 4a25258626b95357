#include "worker/store/params.h"

#include <array>
#include <utility>

#include "worker/store/big_endian.h"

namespace keystrand::worker::store {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

unsigned FromHex(char digit) {
  if (digit >= '0' && digit <= '9') return static_cast<unsigned>(digit - '0');
  return static_cast<unsigned>(digit - 'a') + 10;  // PostgreSQL writes lower case
}

/// Of an array: dimensions, whether nulls are in it, type of the elements, their number, the lower bound.
constexpr std::size_t kHeaderBytes = 20;
constexpr std::uint32_t kNullLength = 0xffffffff;

}  // namespace

Array::Array(ElementType type) : type_(type), bytes_(kHeaderBytes, '\0') {}

void Array::Add(std::string_view text) {
  AppendBigEndian(static_cast<std::uint32_t>(text.size()), bytes_);
  bytes_ += text;
  ++elements_;
}

void Array::Add(std::int64_t number) {
  AppendBigEndian(std::uint32_t{8}, bytes_);
  AppendBigEndian(static_cast<std::uint64_t>(number), bytes_);
  ++elements_;
}

void Array::Add(std::int32_t number) {
  AppendBigEndian(std::uint32_t{4}, bytes_);
  AppendBigEndian(static_cast<std::uint32_t>(number), bytes_);
  ++elements_;
}

void Array::Add(bool flag) {
  AppendBigEndian(std::uint32_t{1}, bytes_);
  bytes_ += flag ? '\1' : '\0';
  ++elements_;
}

void Array::AddNull() {
  AppendBigEndian(kNullLength, bytes_);
  has_null_ = true;
  ++elements_;
}

std::string Array::Take() && {
  const std::array<std::uint32_t, 5> header{1, has_null_ ? 1U : 0U, static_cast<std::uint32_t>(type_), elements_, 1};
  for (std::size_t i = 0; i < header.size(); ++i) PutBigEndian(header[i], bytes_.data() + 4 * i);
  if (elements_ == 0) {  // an empty array has no dimensions
    PutBigEndian(std::uint32_t{0}, bytes_.data());
    bytes_.resize(12);
  }
  return std::move(bytes_);
}

std::string TextArray(const std::vector<std::string_view>& elements) {
  std::string text = "{";
  for (const auto element : elements) {
    if (text.size() > 1) text += ',';
    text += '"';
    for (const char c : element) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return text += '}';
}

Params& Params::Add(std::string text) {
  values_.push_back({std::move(text)});
  return *this;
}

Params& Params::Add(Array array) {
  values_.push_back({std::move(array).Take(), false, true});
  return *this;
}

Params& Params::AddNull() {
  values_.push_back({"", true});
  return *this;
}

Params::Wire Params::ForWire() const {
  Wire wire;
  for (const auto& value : values_) {
    wire.values.push_back(value.null ? nullptr : value.bytes.c_str());
    wire.lengths.push_back(static_cast<int>(value.bytes.size()));
    wire.formats.push_back(value.binary ? 1 : 0);
  }
  return wire;
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
