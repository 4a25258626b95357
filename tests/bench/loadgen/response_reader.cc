#include "tests/bench/loadgen/response_reader.h"

#include <strings.h>

#include <charconv>
#include <optional>

namespace keystrand::bench {
namespace {

constexpr std::size_t kHeadBytesMax = 16 * 1024;
constexpr std::string_view kEndOfHead = "\r\n\r\n";
constexpr std::size_t kStatusOffset = std::string_view("HTTP/1.1 ").size();

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The value of header `name`, without the blanks around it.
std::optional<std::string_view> FindHeader(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at + 2)) {
    const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - (at + 2));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !EqualsIgnoringCase(line.substr(0, colon), name)) continue;
    const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
    if (begin == std::string_view::npos) return std::string_view();
    return line.substr(begin, line.find_last_not_of(" \t") + 1 - begin);
  }
  return std::nullopt;
}

}  // namespace

bool ResponseReader::ParseHead(std::string_view head) {
  if (!head.starts_with("HTTP/1.")) return false;
  const auto status = ParseNumber<int>(head.substr(kStatusOffset, 3));
  const auto length = ParseNumber<std::size_t>(FindHeader(head, "content-length").value_or(""));
  if (!status || !length) return false;
  status_ = *status;
  body_left_ = *length;
  closes_ = EqualsIgnoringCase(FindHeader(head, "connection").value_or(""), "close");
  return true;
}

ResponseReader::Progress ResponseReader::Feed(std::string_view bytes) {
  if (!in_body_) {
    head_.append(bytes);
    const std::size_t end = head_.find(kEndOfHead);
    if (end == std::string::npos) return head_.size() > kHeadBytesMax ? Progress::kMalformed : Progress::kIncomplete;
    if (!ParseHead(std::string_view(head_).substr(0, end))) return Progress::kMalformed;
    in_body_ = true;
    const std::size_t body_bytes = head_.size() - (end + kEndOfHead.size());
    bytes.remove_prefix(bytes.size() - body_bytes);
    head_.clear();
  }
  if (bytes.size() > body_left_) return Progress::kMalformed;
  body_left_ -= bytes.size();
  if (body_left_ > 0) return Progress::kIncomplete;
  in_body_ = false;
  return Progress::kComplete;
}

}  // namespace keystrand::bench
