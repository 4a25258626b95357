#include "common/http/framing_policy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace keystrand::http {
namespace {

constexpr std::size_t kMethodBytesMax = 32;  // the longest registered method has 17
constexpr std::string_view kVersion11 = "HTTP/1.1\r\n";
constexpr std::string_view kVersion10 = "HTTP/1.0\r\n";

using ByteClass = std::array<bool, 256>;

constexpr ByteClass ClassOf(auto&& contains) {
  ByteClass members{};
  for (int byte = 0; byte < 256; ++byte) members[static_cast<std::size_t>(byte)] = contains(byte);
  return members;
}
constexpr bool IsAlphanumeric(int c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
constexpr bool IsOneOf(int c, std::string_view list) {
  return c != 0 && list.find(static_cast<char>(c)) != std::string_view::npos;
}

constexpr ByteClass kToken = ClassOf([](int c) { return IsAlphanumeric(c) || IsOneOf(c, "!#$%&'*+-.^_`|~"); });
constexpr ByteClass kTarget = ClassOf([](int c) { return c > 0x20 && c < 0x7F; });
constexpr ByteClass kValue = ClassOf([](int c) { return c == '\t' || (c >= 0x20 && c != 0x7F); });
constexpr ByteClass kHost = ClassOf([](int c) { return IsAlphanumeric(c) || IsOneOf(c, "-._~!$&'()*+;=%:[]"); });

bool Contains(const ByteClass& members, char c) { return members[static_cast<unsigned char>(c)]; }

/// The first position from `begin` on whose byte is not of `members`; bytes.size() if there is none.
std::size_t SkipWhile(std::string_view bytes, std::size_t begin, const ByteClass& members) {
  while (begin < bytes.size() && Contains(members, bytes[begin])) ++begin;
  return begin;
}

/// Outcome of reading one part of a head: kGood, kMore, or the status to refuse with.
using Step = int;
constexpr Step kGood = 0;
constexpr Step kMore = -1;
constexpr Step kBadRequest = 400;

/// Reads the syntax: request line and field lines. Needs no more than one look at each byte.
class HeadReader {
 public:
  HeadReader(std::string_view bytes, const HeadLimits& limits, RequestHead& head)
      : bytes_(bytes), limits_(limits), head_(head) {}

  Step Read() {
    if (const Step step = ReadRequestLine(); step != kGood) return step;
    fields_begin_ = position_;
    while (!AtEmptyLine()) {
      if (const Step step = ReadFieldLine(); step != kGood) return step;
    }
    return ReadEmptyLine();
  }
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] bool is_http_1_1() const { return is_http_1_1_; }

 private:
  Step ReadRequestLine() {
    if (const Step step = ReadMethod(); step != kGood) return step;
    if (const Step step = ReadTarget(); step != kGood) return step;
    return ReadVersion();
  }

  Step ReadMethod() {
    const std::size_t end = SkipWhile(bytes_, 0, kToken);
    if (end > kMethodBytesMax) return kBadRequest;
    if (end == bytes_.size()) return kMore;
    if (end == 0 || bytes_[end] != ' ') return kBadRequest;
    head_.method = bytes_.substr(0, end);
    position_ = end + 1;
    return kGood;
  }

  Step ReadTarget() {
    const std::size_t end = SkipWhile(bytes_, position_, kTarget);
    if (end - position_ > limits_.target_bytes_max) return 414;
    if (end == bytes_.size()) return kMore;
    if (end == position_ || bytes_[end] != ' ') return kBadRequest;
    head_.target = bytes_.substr(position_, end - position_);
    head_.path = head_.target.substr(0, head_.target.find('?'));
    position_ = end + 1;
    return kGood;
  }

  Step ReadVersion() {
    const std::string_view seen = bytes_.substr(position_, kVersion11.size());
    is_http_1_1_ = kVersion11.starts_with(seen);
    if (!is_http_1_1_ && !kVersion10.starts_with(seen)) return kBadRequest;
    if (seen.size() < kVersion11.size()) return kMore;
    position_ += seen.size();
    return kGood;
  }

  [[nodiscard]] bool AtEmptyLine() const { return position_ < bytes_.size() && bytes_[position_] == '\r'; }

  Step ReadEmptyLine() {
    if (position_ + 1 == bytes_.size()) return kMore;
    if (bytes_[position_ + 1] != '\n') return kBadRequest;
    position_ += 2;
    return kGood;
  }

  Step ReadFieldLine() {
    if (position_ == bytes_.size()) return kMore;  // the empty line may come, which no limit counts
    const std::size_t colon = SkipWhile(bytes_, position_, kToken);
    if (!HasRoomFor(colon)) return 431;
    if (colon == bytes_.size()) return kMore;
    if (colon == position_ || bytes_[colon] != ':')
      return kBadRequest;  // also a folded line, which begins with a space
    const std::size_t end = SkipWhile(bytes_, colon + 1, kValue);
    if (!HasRoomFor(end)) return 431;
    if (end == bytes_.size() || (bytes_[end] == '\r' && end + 1 == bytes_.size())) return kMore;
    if (bytes_[end] != '\r' || bytes_[end + 1] != '\n') return kBadRequest;
    if (head_.field_count == std::min(limits_.fields_max, kFieldsMax)) return 431;
    head_.field_storage[head_.field_count++] = {bytes_.substr(position_, colon - position_),
                                                Trimmed(bytes_.substr(colon + 1, end - colon - 1))};
    position_ = end + 2;
    return kGood;
  }

  /// Whether the field line that begins at position_ and reaches to `end`, before its CRLF, keeps the limits.
  [[nodiscard]] bool HasRoomFor(std::size_t end) const {
    return end - position_ <= limits_.field_bytes_max && end + 2 - fields_begin_ <= limits_.block_bytes_max;
  }

  std::string_view bytes_;
  const HeadLimits& limits_;
  RequestHead& head_;
  std::size_t position_ = 0;
  std::size_t fields_begin_ = 0;
  bool is_http_1_1_ = false;
};

/// Reads the meaning: the fields that say where the request ends and how it wants to be answered.
class FieldJudge {
 public:
  FieldJudge(RequestHead& head, bool is_http_1_1) : head_(head), is_http_1_1_(is_http_1_1) {}

  Step Judge() {
    head_.keep_alive = is_http_1_1_;
    for (const Field& field : head_.fields()) {
      if (const Step step = Take(field); step != kGood) return step;
    }
    if (is_http_1_1_ && !has_host_) return kBadRequest;
    if (const Step step = JudgeLength(); step != kGood) return step;
    if (bad_expectation_) return 417;
    return encoded_ ? 415 : kGood;
  }

 private:
  Step Take(const Field& field) {
    switch (field.name.size()) {  // tells the six apart from nearly all others before any comparison
      case 4: return EqualsIgnoringCase(field.name, "host") ? TakeHost(field.value) : kGood;
      case 6: return EqualsIgnoringCase(field.name, "expect") ? TakeExpect(field.value) : kGood;
      case 10: return EqualsIgnoringCase(field.name, "connection") ? TakeConnection(field.value) : kGood;
      case 14: return EqualsIgnoringCase(field.name, "content-length") ? TakeContentLength(field.value) : kGood;
      case 16: return EqualsIgnoringCase(field.name, "content-encoding") ? TakeContentEncoding(field.value) : kGood;
      case 17: return EqualsIgnoringCase(field.name, "transfer-encoding") ? TakeTransferEncoding(field.value) : kGood;
      default: return kGood;
    }
  }

  Step TakeHost(std::string_view value) {
    const bool valid = !value.empty() && SkipWhile(value, 0, kHost) == value.size();
    if (has_host_ || !valid) return kBadRequest;
    has_host_ = true;
    return kGood;
  }

  Step TakeExpect(std::string_view value) {
    if (!is_http_1_1_) return kGood;  // RFC 9110 10.1.1: ignored from HTTP/1.0
    if (head_.expects_continue || !EqualsIgnoringCase(value, "100-continue")) bad_expectation_ = true;
    head_.expects_continue = true;
    return kGood;
  }

  Step TakeConnection(std::string_view value) {
    while (!value.empty()) {
      const std::size_t comma = std::min(value.find(','), value.size());
      if (EqualsIgnoringCase(Trimmed(value.substr(0, comma)), "close")) head_.keep_alive = false;
      value.remove_prefix(std::min(comma + 1, value.size()));
    }
    return kGood;
  }

  Step TakeContentLength(std::string_view value) {
    std::uint64_t length = 0;
    const char* const end = value.data() + value.size();
    const auto [stopped, error] = std::from_chars(value.data(), end, length);
    const bool plain = error == std::errc() && stopped == end;
    if (has_length_ || !plain) return kBadRequest;
    has_length_ = true;
    head_.content_length = length;
    return kGood;
  }

  Step TakeContentEncoding(std::string_view value) {
    if (!EqualsIgnoringCase(value, "identity")) encoded_ = true;
    return kGood;
  }

  Step TakeTransferEncoding(std::string_view value) {
    if (has_transfer_encoding_ || !is_http_1_1_ || !EqualsIgnoringCase(value, "chunked")) return kBadRequest;
    has_transfer_encoding_ = true;
    return kGood;
  }

  [[nodiscard]] Step JudgeLength() const {
    if (has_transfer_encoding_) return has_length_ ? kBadRequest : 411;
    return !has_length_ && head_.method == "POST" ? 411 : kGood;
  }

  RequestHead& head_;
  bool is_http_1_1_;
  bool has_host_ = false;
  bool has_length_ = false;
  bool has_transfer_encoding_ = false;
  bool bad_expectation_ = false;
  bool encoded_ = false;
};

void Clear(RequestHead& head) {  // not by assignment: the storage of the fields need not be touched
  head.method = head.target = head.path = {};
  head.content_length = 0;
  head.keep_alive = head.expects_continue = false;
  head.field_count = 0;
}

}  // namespace

std::size_t HeadBytesMax(const HeadLimits& limits) {
  return kMethodBytesMax + 1 + limits.target_bytes_max + 1 + kVersion11.size() + limits.block_bytes_max + 2;
}

HeadVerdict JudgeHead(std::string_view bytes, const HeadLimits& limits, RequestHead& head) {
  Clear(head);
  HeadReader reader(bytes, limits, head);
  Step step = reader.Read();
  if (step == kMore) return {};
  if (step == kGood) step = FieldJudge(head, reader.is_http_1_1()).Judge();
  if (step == kGood) return {HeadState::kAccepted, 0, reader.position()};
  return {HeadState::kRefused, step, 0};
}

}  // namespace keystrand::http
