#include "common/http/proxy_header.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace keystrand::http {
namespace {

namespace ip = boost::asio::ip;

constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t kFixedBytes = 16;  // signature, version and command, family, length
constexpr unsigned kLocal = 0x20;
constexpr unsigned kProxy = 0x21;
constexpr unsigned kTcpOverIpv4 = 0x11;
constexpr unsigned kTcpOverIpv6 = 0x21;

unsigned ByteAt(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

template <typename Address>
std::optional<ip::address> SourceIn(std::string_view addresses) {
  typename Address::bytes_type raw;
  if (addresses.size() < 2 * raw.size() + 4) return std::nullopt;  // source, destination, two ports
  std::memcpy(raw.data(), addresses.data(), raw.size());
  return ip::address(Address(raw));
}

std::optional<ip::address> ClientOf(unsigned family, std::string_view addresses) {
  if (family == kTcpOverIpv4) return SourceIn<ip::address_v4>(addresses);
  if (family == kTcpOverIpv6) return SourceIn<ip::address_v6>(addresses);
  return std::nullopt;
}

}  // namespace

ProxyHeader ReadProxyHeader(std::string_view bytes) {
  using State = ProxyHeader::State;
  const std::size_t compared = std::min(bytes.size(), kSignature.size());
  if (bytes.substr(0, compared) != kSignature.substr(0, compared)) return {State::kRefused, 0, {}};
  if (bytes.size() < kFixedBytes) return {State::kIncomplete, kFixedBytes - bytes.size(), {}};
  const std::size_t whole = kFixedBytes + (ByteAt(bytes, 14) << 8 | ByteAt(bytes, 15));
  if (whole > kProxyHeaderBytesMax || bytes.size() > whole) return {State::kRefused, 0, {}};
  if (bytes.size() < whole) return {State::kIncomplete, whole - bytes.size(), {}};
  const unsigned command = ByteAt(bytes, 12);
  if (command == kLocal) return {State::kComplete, 0, {}};
  const auto client = ClientOf(ByteAt(bytes, 13), bytes.substr(kFixedBytes));
  if (command != kProxy || !client) return {State::kRefused, 0, {}};
  return {State::kComplete, 0, client};
}

}  // namespace keystrand::http
