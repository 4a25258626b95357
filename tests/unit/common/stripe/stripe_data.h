#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/stripe/json_tree.h"

/// What the tests of this folder read from tests/data/stripe, and how they build events of it.
namespace keystrand::stripe {

/// The whole file; aborts if it is not there.
std::string ReadTestData(const std::string& name);

/// A line of event-type-objects.tsv.
struct EventTypeRow {
  std::string type;
  std::vector<std::string> object_kinds;
  std::string customer_path;
  std::string fallback_key;
  bool object_has_id = false;
};
std::vector<EventTypeRow> ReadEventTypeRows();

/// An example of an API object, today's shape; a bare one if the fixtures have none of that kind.
JsonNode ExampleObject(const std::string& kind);

JsonNode JsonString(std::string_view text);
JsonNode JsonNull();
/// Sets `key` of an object, or removes it.
void Set(JsonNode& object, std::string_view key, JsonNode value);
void Remove(JsonNode& object, std::string_view key);

/// Compact JSON text.
std::string ToText(const JsonNode& node);

/// A snapshot event around `object` (JSON text), with `extra` members in front ("" or "\"account\":\"acct_1\",").
std::string EventAround(std::string_view type, std::string_view object, std::string_view extra = "");

}  // namespace keystrand::stripe
