#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.h"

namespace keystrand::stripe {

/// `json` (valid JSON text) with every \u0000 escape replaced by \ufffd, which PostgreSQL can store; all else byte for
/// byte. An escaped backslash before "u0000" is not an escape. `replaced` (may be null) is set to the number of them.
std::string WithoutNulEscapes(std::string_view json, int* replaced);

/// Whether an event's previous_attributes describe `object_json`, a snapshot of the same object: then that snapshot may
/// be the one just before the event. True if every key of previous_attributes equals the object's: nested objects by
/// their given keys, arrays as a whole, null also by an absent key; numbers by exact decimal value, keys in any order.
/// False if previous_attributes is empty ("" or {}): nothing is said.
/// Errors: kMalformed (not a JSON object within the limits of ParseEnvelope). Thread-safe.
Result<bool> Matches(std::string_view previous_attributes_json, std::string_view object_json);

/// A member of an object, byte for byte.
struct JsonMemberText {
  std::string_view key;    ///< between its quotes, escapes and all
  std::string_view value;  ///< without the blanks around it
};

/// The members of `object_json`, and not those inside of them, in their order. Views into `object_json`.
/// Errors: kMalformed (not a JSON object).
Result<std::vector<JsonMemberText>> MembersOf(std::string_view object_json);

}  // namespace keystrand::stripe
