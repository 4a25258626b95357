#include "common/stripe/json_tree.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "common/stripe/json_reader.h"

namespace keystrand::stripe {
namespace {

using Type = JsonNode::Type;

/// Sorted search instead of a hash table: no input makes it slow.
void SortMembers(std::vector<JsonMember>& members) {
  std::stable_sort(members.begin(), members.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  const auto same_key = [](const auto& a, const auto& b) { return a.key == b.key; };
  const auto kept = std::unique(members.rbegin(), members.rend(), same_key);  // from the back: the last given counts
  members.erase(members.begin(), kept.base());
}

/// A handler for ReadJson that builds the tree.
class TreeReader {
 public:
  JsonNode& root() { return root_; }
  [[nodiscard]] static std::string fault() { return {}; }  // never stops the reading

  bool StartObject(std::size_t) { return Open(Type::kObject); }
  bool EndObject(std::size_t) {
    SortMembers(open_.back()->members);
    open_.pop_back();
    return true;
  }
  bool StartArray() { return Open(Type::kArray); }
  bool EndArray() {
    open_.pop_back();
    return true;
  }
  bool Key(std::string_view key) {
    open_.back()->members.push_back({std::string(key), {}});
    return true;
  }
  bool String(std::string_view text) { return Put(Type::kString, text); }
  bool Number(std::string_view digits) { return Put(Type::kNumber, digits); }
  bool Bool(bool truth) { return Put(truth ? Type::kTrue : Type::kFalse, {}); }
  bool Null() { return Put(Type::kNull, {}); }
  void SawNul() {}

 private:
  /// Where the value that comes now belongs. It stays put while it is open: only its closed siblings' vector grows.
  JsonNode& Slot() {
    if (open_.empty()) return root_;
    JsonNode& parent = *open_.back();
    return parent.type == Type::kObject ? parent.members.back().value : parent.items.emplace_back();
  }
  bool Open(Type type) {
    JsonNode& node = Slot();
    node.type = type;
    open_.push_back(&node);
    return true;
  }
  bool Put(Type type, std::string_view text) {
    JsonNode& node = Slot();
    node.type = type;
    node.text = text;
    return true;
  }

  JsonNode root_;
  std::vector<JsonNode*> open_;
};

/// digits · 10^exponent, without leading or trailing zeros: equal values have equal forms.
struct Decimal {
  bool negative = false;
  std::string digits;
  std::int64_t exponent = 0;
  bool operator==(const Decimal&) const = default;
};

/// Moves the zeros at the ends of the digits into the exponent.
Decimal Normalised(Decimal decimal) {
  const std::size_t first = decimal.digits.find_first_not_of('0');
  if (first == std::string::npos) return {};  // zero, whatever its sign and exponent
  const std::size_t end = decimal.digits.find_last_not_of('0') + 1;
  decimal.exponent += static_cast<std::int64_t>(decimal.digits.size() - end);
  decimal.digits = decimal.digits.substr(first, end - first);
  return decimal;
}

/// Of a JSON number; nothing if its exponent is beyond all use.
std::optional<Decimal> DecimalOf(std::string_view number) {
  Decimal decimal;
  decimal.negative = number.starts_with('-');
  if (decimal.negative) number.remove_prefix(1);
  const std::size_t exponent_at = std::min(number.find_first_of("eE"), number.size());
  std::string_view exponent = number.substr(std::min(exponent_at + 1, number.size()));
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  if (!exponent.empty()) {
    std::int32_t value = 0;
    const auto parsed = std::from_chars(exponent.data(), exponent.data() + exponent.size(), value);
    if (parsed.ec != std::errc()) return std::nullopt;
    decimal.exponent = value;
  }
  const std::string_view mantissa = number.substr(0, exponent_at);
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  const std::string_view fraction = mantissa.substr(std::min(point + 1, mantissa.size()));
  decimal.digits = std::string(mantissa.substr(0, point)).append(fraction);
  decimal.exponent -= static_cast<std::int64_t>(fraction.size());
  return Normalised(std::move(decimal));
}

bool EqualNumbers(const std::string& a, const std::string& b) {
  if (a == b) return true;
  const auto left = DecimalOf(a);
  const auto right = DecimalOf(b);
  return left && right && *left == *right;
}

}  // namespace

Result<JsonNode> ReadJsonTree(std::string_view text) {
  auto read = ReadJson<TreeReader>(text);
  if (!read) return Fail(read.error());
  return std::move(read->root());
}

const JsonNode* Find(const JsonNode& object, std::string_view key) {
  const auto found =
      std::lower_bound(object.members.begin(), object.members.end(), key,
                       [](const JsonMember& member, std::string_view wanted) { return member.key < wanted; });
  return found != object.members.end() && found->key == key ? &found->value : nullptr;
}

bool Equal(const JsonNode& a, const JsonNode& b) {
  if (a.type != b.type) return false;
  if (a.type == Type::kNumber) return EqualNumbers(a.text, b.text);
  const auto same_member = [](const JsonMember& x, const JsonMember& y) {
    return x.key == y.key && Equal(x.value, y.value);
  };
  return a.text == b.text && std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), Equal) &&
         std::equal(a.members.begin(), a.members.end(), b.members.begin(), b.members.end(), same_member);
}

}  // namespace keystrand::stripe
