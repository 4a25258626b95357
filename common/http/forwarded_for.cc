#include "common/http/forwarded_for.h"

#include <string_view>

namespace keystrand::http {
namespace {

constexpr std::string_view kField = "X-Forwarded-For";

/// All its values as one list, as RFC 9110 section 5.3 joins them.
std::string Joined(const RequestHead& head) {
  std::string list;
  for (const Field& field : head.fields()) {
    if (EqualsIgnoringCase(field.name, kField)) list.append(list.empty() ? "" : ",").append(field.value);
  }
  return list;
}

}  // namespace

std::optional<std::string> ForwardedFor(const RequestHead& head, const Networks& trusted) {
  const std::string list = Joined(head);
  std::string_view left = list;
  while (!left.empty()) {
    const std::size_t comma = left.rfind(',');
    const std::string_view last = Trimmed(comma == std::string_view::npos ? left : left.substr(comma + 1));
    boost::system::error_code error;
    const auto address = boost::asio::ip::make_address(std::string(last), error);
    if (error) return std::nullopt;
    if (!trusted.Contains(address)) return Unmapped(address).to_string();
    left = comma == std::string_view::npos ? std::string_view() : left.substr(0, comma);
  }
  return std::nullopt;
}

}  // namespace keystrand::http
