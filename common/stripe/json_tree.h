#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.h"

namespace keystrand::stripe {

struct JsonMember;

/// A JSON value as a tree, at most 64 levels deep. Numbers stay text, exact.
struct JsonNode {
  enum class Type : std::uint8_t { kNull, kFalse, kTrue, kNumber, kString, kObject, kArray };
  Type type = Type::kNull;
  std::string text;                 ///< of a string, decoded; of a number, as written
  std::vector<JsonMember> members;  ///< of an object, sorted by key, each key once (the last given counts)
  std::vector<JsonNode> items;      ///< of an array
};

struct JsonMember {
  std::string key;
  JsonNode value;
};

/// Errors: kMalformed.
Result<JsonNode> ReadJsonTree(std::string_view text);

/// The value of `key` in an object; null if it has none. Borrowed from `object`.
const JsonNode* Find(const JsonNode& object, std::string_view key);

/// The same value: numbers by decimal value (1.0 = 1), keys in any order.
bool Equal(const JsonNode& a, const JsonNode& b);

}  // namespace keystrand::stripe
