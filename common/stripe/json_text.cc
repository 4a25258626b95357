#include "common/stripe/json_text.h"

#include <algorithm>

#include "common/stripe/json_tree.h"

namespace keystrand::stripe {
namespace {

using Type = JsonNode::Type;

bool DescribesAll(const JsonNode& before, const JsonNode& object);

/// Whether `value` (null pointer: the key is absent) is what an object had before a change. `before` holds the changed
/// keys of an object only, but the whole of an array.
bool Describes(const JsonNode& before, const JsonNode* value) {
  if (value == nullptr) return before.type == Type::kNull;
  if (before.type == Type::kObject && value->type == Type::kObject) return DescribesAll(before, *value);
  return Equal(before, *value);
}

bool DescribesAll(const JsonNode& before, const JsonNode& object) {
  return std::all_of(before.members.begin(), before.members.end(),
                     [&](const JsonMember& member) { return Describes(member.value, Find(object, member.key)); });
}

Result<JsonNode> ReadObject(std::string_view json) {
  auto tree = ReadJsonTree(json);
  if (tree && tree->type != Type::kObject) return Fail(ErrorCode::kMalformed, "not a JSON object");
  return tree;
}

}  // namespace

std::string WithoutNulEscapes(std::string_view json, int* replaced) {
  constexpr std::string_view kNul = "\\u0000";
  int count = 0;
  std::string clean(json);
  for (std::size_t at = clean.find('\\'); at < clean.size(); at = clean.find('\\', at)) {
    if (clean.compare(at, kNul.size(), kNul) == 0) {
      clean.replace(at, kNul.size(), "\\ufffd");
      ++count;
    }
    at += 2;  // over what is escaped: it may be a backslash
  }
  if (replaced != nullptr) *replaced = count;
  return clean;
}

Result<bool> Matches(std::string_view previous_attributes_json, std::string_view object_json) {
  if (previous_attributes_json.empty()) return false;
  const auto before = ReadObject(previous_attributes_json);
  if (!before) return Fail(before.error());
  const auto object = ReadObject(object_json);
  if (!object) return Fail(object.error());
  return !before->members.empty() && DescribesAll(*before, *object);
}

}  // namespace keystrand::stripe
