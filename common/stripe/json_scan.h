#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/core/result.h"
#include "common/stripe/json_bytes.h"

/// The quick way to read JSON, for those who need few of its values: every event passes here twice. As strict as
/// json_reader.h, and numbers of any length are numbers. Included by this folder's .cc files only.
namespace keystrand::stripe {

inline constexpr int kJsonDepthMax = 64;

/// What stands between two quotes, checked but not decoded.
struct JsonString {
  std::size_t end = 0;       ///< of the closing quote
  bool escaped = false;      ///< it must be decoded
  bool has_nul = false;      ///< it decodes to a NUL
  std::string_view fault{};  ///< empty: it is a string; else `end` is where it is none
};

/// A string from `at` on, which is inside of it.
[[nodiscard]] JsonString ScanUnusualString(std::string_view text, std::size_t at);
/// `begin`: after the opening quote. Strict: no control characters, well-formed UTF-8, no half of a surrogate pair.
[[nodiscard]] inline JsonString ScanString(std::string_view text, std::size_t begin) {
  const std::size_t end = SkipPlain(text, begin);
  if (end < text.size() && text[end] == '"') return {.end = end};
  return ScanUnusualString(text, end);
}
/// Replaces the escapes of a string that ScanString has checked.
[[nodiscard]] std::string DecodedString(std::string_view raw);
/// Where the number that begins at `begin` ends; `begin` if there is none. Source: RFC 8259, section 6.
[[nodiscard]] std::size_t NumberEnd(std::string_view text, std::size_t begin);

/// Calls `handler` as JsonAdapter (json_reader.h) does. Its member `bool Reads() const` says whether the text of the
/// key or string that comes now is looked at: if not, it is checked, and given as it stands, escapes and all.
template <typename Handler>
class JsonScanner {
 public:
  JsonScanner(std::string_view text, Handler& handler) : text_(text), handler_(handler) {}

  /// Errors: kMalformed; the detail is the handler's `fault()` if it stopped the reading, else what is wrong and where.
  Result<> Scan() {
    if (Document()) return {};
    if (fault_.empty()) return Fail(ErrorCode::kMalformed, handler_.fault());
    return Fail(ErrorCode::kMalformed, std::string(fault_) + " at byte " + std::to_string(at_));
  }

 private:
  /// One loop with one place for each thing, inlined, so that the position stays in a register.
  bool Document() {
    Blanks();
    do {
      if (!Value()) return false;
      if (!ToNextValue()) return false;
    } while (depth_ > 0);
    return at_ == text_.size() || Stop("text after the value");
  }

  /// From behind a value, or from the beginning of an object or array, over what ends here, and over a name.
  [[gnu::always_inline]] bool ToNextValue() {
    for (;; opened_ = false) {
      Blanks();
      if (depth_ == 0) return true;
      const char c = Here();
      if (c == (InObject() ? '}' : ']')) {
        if (!Close()) return false;
        continue;
      }
      if (!opened_) {
        if (c != ',') return Stop("neither a comma nor the end of an object or array");
        ++at_;
        at_ = SkipBlanks(text_, at_, between_);
      }
      return !InObject() || Name();
    }
  }

  [[gnu::always_inline]] bool Name() {
    if (Here() != '"') return Stop("no name where a member must begin");
    if (!Text([this](std::string_view key) { return handler_.Key(key); })) return false;
    Blanks();
    if (Here() != ':') return Stop("no colon after a name");
    ++at_;
    at_ = SkipBlanks(text_, at_, before_value_);
    return true;
  }

  [[gnu::always_inline]] bool Value() {
    opened_ = false;
    switch (Here()) {
      case '{': return Open(true) && handler_.StartObject(at_ - 1);
      case '[': return Open(false) && handler_.StartArray();
      case '"': return Text([this](std::string_view text) { return handler_.String(text); });
      case 't': return Word("true") && handler_.Bool(true);
      case 'f': return Word("false") && handler_.Bool(false);
      case 'n': return Word("null") && handler_.Null();
      default: return Number();
    }
  }

  bool Open(bool object) {
    if (depth_ == kJsonDepthMax) return Stop("nested deeper than 64 levels");
    objects_ = objects_ << 1 | static_cast<std::uint64_t>(object);
    ++depth_;
    ++at_;
    opened_ = true;
    return true;
  }

  bool Close() {
    const bool object = InObject();
    objects_ >>= 1;
    --depth_;
    ++at_;
    return object ? handler_.EndObject(at_) : handler_.EndArray();
  }

  template <typename Give>
  [[gnu::always_inline]] bool Text(Give give) {
    const std::size_t begin = at_ + 1;
    const JsonString string = ScanString(text_, begin);
    at_ = string.end;
    if (!string.fault.empty()) return Stop(string.fault);
    ++at_;
    if (string.has_nul) handler_.SawNul();
    const std::string_view raw = text_.substr(begin, string.end - begin);
    return string.escaped && handler_.Reads() ? give(DecodedString(raw)) : give(raw);
  }

  bool Number() {
    const std::size_t begin = at_;
    at_ = NumberEnd(text_, begin);
    if (at_ == begin) return Stop("no value");
    return handler_.Number(text_.substr(begin, at_ - begin));
  }

  bool Word(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return Stop("no value");
    at_ += word.size();
    return true;
  }

  bool Stop(std::string_view fault) {
    fault_ = fault;
    return false;
  }
  void Blanks() { at_ = SkipBlanks(text_, at_); }
  /// A NUL, which JSON never has there, at the end.
  [[nodiscard]] char Here() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  [[nodiscard]] bool InObject() const { return (objects_ & 1) != 0; }

  const std::string_view text_;
  Handler& handler_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool opened_ = false;           // the object or array that we are in has had nothing yet
  std::uint64_t objects_ = 0;     // a bit for each open level: object or array
  std::size_t between_ = 0;       // blanks after the last comma
  std::size_t before_value_ = 0;  // and after the last colon
  std::string_view fault_;
};

template <typename Handler>
Result<> ScanJson(std::string_view text, Handler& handler) {
  return JsonScanner<Handler>(text, handler).Scan();
}

}  // namespace keystrand::stripe
