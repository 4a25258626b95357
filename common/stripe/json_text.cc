#include "common/stripe/json_text.h"

#include <algorithm>

#include "common/stripe/json_scan.h"
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

std::string_view WithoutBlanksBehind(std::string_view text) {
  return text.substr(0, text.find_last_not_of(" \n\r\t") + 1);
}

/// Notes where the keys of the outermost object are, and from that what lies between them.
class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  bool StartObject(std::size_t) { return ++depth_ > 0; }
  bool EndObject(std::size_t end) {
    if (depth_ == 1) EndValue(end - 1);
    return --depth_ >= 0;
  }
  bool StartArray() { return depth_++ > 0; }
  bool EndArray() { return --depth_ >= 0; }
  bool Key(std::string_view key) {
    if (depth_ != 1) return true;
    const auto quote = static_cast<std::size_t>(key.data() - text_.data()) - 1;
    if (!members_.empty()) EndValue(text_.rfind(',', quote));
    members_.push_back({key, {}});
    return true;
  }
  bool String(std::string_view) const { return depth_ > 0; }
  bool Number(std::string_view) const { return depth_ > 0; }
  bool Bool(bool) const { return depth_ > 0; }
  bool Null() const { return depth_ > 0; }
  void SawNul() {}
  [[nodiscard]] static bool Reads() { return false; }
  [[nodiscard]] static std::string fault() { return "not a JSON object"; }

  std::vector<JsonMemberText> TakeMembers() { return std::move(members_); }

 private:
  /// Of the last key: from behind its colon.
  void EndValue(std::size_t end) {
    if (members_.empty()) return;
    auto& member = members_.back();
    const auto colon = text_.find(':', static_cast<std::size_t>(member.key.data() - text_.data()) + member.key.size());
    const auto begin = SkipBlanks(text_, colon + 1);
    member.value = WithoutBlanksBehind(text_.substr(begin, end - begin));
  }

  std::string_view text_;
  int depth_ = 0;
  std::vector<JsonMemberText> members_;
};

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

Result<std::vector<JsonMemberText>> MembersOf(std::string_view object_json) {
  Splitter splitter(object_json);
  if (auto scanned = ScanJson(object_json, splitter); !scanned) return Fail(scanned.error());
  return splitter.TakeMembers();
}

}  // namespace keystrand::stripe
