#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A second JSON reader, from RFC 8259 alone, to hold the project's against. Plain and recursive; no thought of speed.
namespace keystrand::fuzz {

struct PlainMember;

struct PlainJson {
  enum class Kind { kNull, kFalse, kTrue, kNumber, kString, kObject, kArray };
  Kind kind = Kind::kNull;
  std::string text;                  ///< of a string, decoded; of a number, as written
  std::vector<PlainMember> members;  ///< of an object, as given: repeated ones too
  std::vector<PlainJson> items;      ///< of an array
  std::string_view source;           ///< the value's own bytes

  [[nodiscard]] bool Is(Kind wanted) const { return kind == wanted; }
  /// The last value of `key`; null if there is none, or if this is no object.
  [[nodiscard]] const PlainJson* Find(std::string_view key) const;
  [[nodiscard]] std::size_t Count(std::string_view key) const;
};

struct PlainMember {
  std::string key;
  PlainJson value;
};

/// One JSON value in valid UTF-8 (no surrogates, no byte order mark), at most 64 levels deep, with nothing after it.
std::optional<PlainJson> ReadPlainJson(std::string_view text);

/// Whether a decoded string in `json`, a key or a value, has a NUL.
bool HasNul(const PlainJson& json);

/// `text` with each NUL replaced by U+FFFD.
std::string NulReplaced(std::string_view text);

}  // namespace keystrand::fuzz
