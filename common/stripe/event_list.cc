#include "common/stripe/event_list.h"

#include <cstdint>
#include <string>

#include "common/stripe/json_scan.h"

namespace keystrand::stripe {
namespace {

/// Looks at the outermost members, and notes where the elements of `data` lie.
class Finder {
 public:
  explicit Finder(std::string_view text) : text_(text) {}

  bool StartObject(std::size_t offset) {
    if (depth_ == 0) is_object_ = true;
    if (depth_ == 2 && in_data_) begin_ = offset;
    ++depth_;
    return true;
  }
  bool EndObject(std::size_t end) {
    --depth_;
    if (depth_ == 2 && in_data_) elements_.push_back(text_.substr(begin_, end - begin_));
    return true;
  }
  bool StartArray() {
    if (depth_ == 1 && member_ == Member::kData) in_data_ = has_data_ = true;
    ++depth_;
    return true;
  }
  bool EndArray() {
    if (--depth_ == 1) in_data_ = false;
    return true;
  }
  bool Key(std::string_view key) {
    if (depth_ != 1) return true;
    member_ = key == "object"     ? Member::kObject
              : key == "data"     ? Member::kData
              : key == "has_more" ? Member::kHasMore
                                  : Member::kOther;
    return true;
  }
  bool String(std::string_view text) {
    if (depth_ == 1 && member_ == Member::kObject) object_ = text;
    return Scalar();
  }
  bool Number(std::string_view) { return Scalar(); }
  bool Bool(bool value) {
    if (depth_ == 1 && member_ == Member::kHasMore) has_more_ = value;
    return Scalar();
  }
  bool Null() { return Scalar(); }
  void SawNul() {}
  [[nodiscard]] bool Reads() const { return depth_ == 1; }
  [[nodiscard]] static std::string fault() { return "an element of data that is no object"; }

  [[nodiscard]] bool is_object() const { return is_object_; }
  [[nodiscard]] const std::string& object() const { return object_; }
  [[nodiscard]] bool has_data() const { return has_data_; }
  [[nodiscard]] bool has_more() const { return has_more_; }
  std::vector<std::string_view> TakeElements() { return std::move(elements_); }

 private:
  enum class Member : std::uint8_t { kOther, kObject, kData, kHasMore };
  [[nodiscard]] bool Scalar() const { return depth_ != 2 || !in_data_; }

  std::string_view text_;
  int depth_ = 0;
  Member member_ = Member::kOther;
  bool is_object_ = false;
  bool in_data_ = false;
  bool has_data_ = false;
  bool has_more_ = false;
  std::string object_;
  std::size_t begin_ = 0;
  std::vector<std::string_view> elements_;
};

Result<Finder> Find(std::string_view text) {
  Finder finder(text);
  if (auto scanned = ScanJson(text, finder); !scanned) return Fail(scanned.error());
  if (!finder.is_object()) return Fail(ErrorCode::kMalformed, "no JSON object");
  return finder;
}

}  // namespace

Result<EventList> ReadEventList(std::string_view text) {
  auto found = Find(text);
  if (!found) return Fail(found.error());
  const bool is_list = found->object() == "list" || (found->object().empty() && found->has_data());
  if (!is_list) return EventList{false, false, {text}};
  if (!found->has_data()) return Fail(ErrorCode::kMalformed, "a list without an array data");
  return EventList{true, found->has_more(), found->TakeElements()};
}

Result<bool> SaysItIsAnEvent(std::string_view text) {
  const auto found = Find(text);
  if (!found) return Fail(found.error());
  return found->object() == "event" || found->object() == "v2.core.event";
}

}  // namespace keystrand::stripe
