#include "common/config/listen.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>

namespace keystrand::config {
namespace {

constexpr const char* kRemedy = "give ADDRESS:PORT, as 127.0.0.1:8080, [::1]:8080 or :8080 (which is 127.0.0.1)";

bool IsAddress(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  const int family = host.find(':') == std::string::npos ? AF_INET : AF_INET6;
  return inet_pton(family, host.c_str(), bytes.data()) == 1;
}

/// The address without brackets, or nothing usable (empty) where brackets and colons do not fit together.
std::string Unbracketed(std::string_view host) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  return bracketed == (host.find(':') != std::string_view::npos) ? std::string(host) : std::string();
}

}  // namespace

Result<Listen> Listen::Parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return Fail(ErrorCode::kRejected, kRemedy);
  Listen listen{colon == 0 ? "127.0.0.1" : Unbracketed(text.substr(0, colon)), 0};
  const auto port = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), listen.port);
  const bool whole = error == std::errc() && end == port.data() + port.size();
  if (!whole || !IsAddress(listen.host)) return Fail(ErrorCode::kRejected, kRemedy);
  return listen;
}

std::string Listen::Text() const {
  const bool six = host.find(':') != std::string::npos;
  return (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace keystrand::config
