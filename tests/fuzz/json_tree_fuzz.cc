#include <algorithm>
#include <map>
#include <string>

#include "common/stripe/json_text.h"
#include "common/stripe/json_tree.h"
#include "tests/fuzz/plain_json.h"
#include "tests/fuzz/target.h"

/// The input is a previous_attributes, a newline, and the object that it may describe: what the worker compares, and
/// what it writes as jsonb.
namespace keystrand::fuzz {
namespace {

using stripe::JsonNode;

/// The members with the last of each repeated key, in order of the keys.
std::map<std::string, const PlainJson*> LastMembers(const PlainJson& object) {
  std::map<std::string, const PlainJson*> members;
  for (const auto& member : object.members) members[member.key] = &member.value;
  return members;
}

bool Same(const JsonNode& node, const PlainJson& plain) {
  if (static_cast<int>(node.type) != static_cast<int>(plain.kind) || node.text != plain.text) return false;
  const auto members = LastMembers(plain);
  const auto same_member = [](const auto& a, const auto& b) { return a.key == b.first && Same(a.value, *b.second); };
  return std::equal(node.items.begin(), node.items.end(), plain.items.begin(), plain.items.end(), Same) &&
         std::equal(node.members.begin(), node.members.end(), members.begin(), members.end(), same_member);
}
static_assert(static_cast<int>(JsonNode::Type::kArray) == static_cast<int>(PlainJson::Kind::kArray));

bool SameButForNul(const PlainJson& cleaned, const PlainJson& original) {
  const auto same_member = [](const auto& a, const auto& b) {
    return a.key == NulReplaced(b.key) && SameButForNul(a.value, b.value);
  };
  return cleaned.kind == original.kind && cleaned.text == NulReplaced(original.text) &&
         std::equal(cleaned.items.begin(), cleaned.items.end(), original.items.begin(), original.items.end(),
                    SameButForNul) &&
         std::equal(cleaned.members.begin(), cleaned.members.end(), original.members.begin(), original.members.end(),
                    same_member);
}

/// What PostgreSQL gets has no NUL, and is else the same.
void CheckWithoutNul(std::string_view json, const PlainJson& plain) {
  int replaced = 0;
  const std::string clean = stripe::WithoutNulEscapes(json, &replaced);
  Check(clean.size() == json.size(), "an escape takes the place of another");
  Check((replaced > 0) == HasNul(plain), "every NUL escape is counted");
  const auto read = ReadPlainJson(clean);
  Check(read.has_value(), "it stays JSON");
  Check(SameButForNul(*read, plain), "each NUL becomes U+FFFD, and nothing else changes");
}

void CheckTree(std::string_view json) {
  const auto plain = ReadPlainJson(json);
  const auto tree = Timed(json.size(), [&] { return stripe::ReadJsonTree(json); });
  Check(tree.has_value() == plain.has_value(), plain ? "JSON is read" : "what is no JSON is refused");
  if (!tree) return Check(tree.error().code == ErrorCode::kMalformed, "what is no JSON is malformed");
  Check(Same(*tree, *plain), "the tree is that of the second reading");
  Check(Equal(*tree, *tree), "a value equals itself");
  CheckWithoutNul(json, *plain);
}

bool IsObject(std::string_view json) {
  const auto plain = ReadPlainJson(json);
  return plain && plain->Is(PlainJson::Kind::kObject);
}

bool HasMembers(std::string_view json) { return !ReadPlainJson(json)->members.empty(); }

void CheckMatches(std::string_view before, std::string_view object) {
  const auto matches = Timed(before.size() + object.size(), [&] { return stripe::Matches(before, object); });
  if (before.empty()) return Check(matches && !*matches, "no previous_attributes describe nothing");
  Check(matches.has_value() == (IsObject(before) && IsObject(object)), "two objects are compared, and nothing else");
  if (!IsObject(object)) return;
  Check(*stripe::Matches(object, object) == HasMembers(object), "an object describes itself");
  Check(!*stripe::Matches("{}", object), "nothing said describes nothing");
}

}  // namespace

std::size_t NanosecondsPerByteMax() { return 160; }  // of 1 MiB of "[]," each takes 42 to 90, as a node has 88 bytes

void RunInput(std::string_view input) {
  const std::size_t newline = std::min(input.find('\n'), input.size());
  const std::string_view before = input.substr(0, newline);
  const std::string_view object = input.substr(std::min(newline + 1, input.size()));
  CheckTree(before);
  CheckTree(object);
  CheckMatches(before, object);
}

}  // namespace keystrand::fuzz
