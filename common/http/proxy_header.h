#pragma once

#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

/// Included by this folder's .cc files only.
namespace keystrand::http {

/// What the bytes at the beginning of a connection say as a PROXY protocol v2 header.
struct ProxyHeader {
  enum class State : std::uint8_t {
    kIncomplete,  ///< a good beginning; read `bytes_missing` more and no further: what follows may be TLS
    kComplete,    ///< exactly these bytes
    kRefused,     ///< no such header, or one for something other than a TCP connection
  };
  State state = State::kIncomplete;
  std::size_t bytes_missing = 0;
  std::optional<boost::asio::ip::address> client;  ///< empty: the proxy speaks for itself (a health check)
};

/// Longest header: addresses and a few kilobytes of the proxy's own fields.
inline constexpr std::size_t kProxyHeaderBytesMax = 4096;

/// Pure. Source: HAProxy's proxy-protocol.txt, section 2.2.
[[nodiscard]] ProxyHeader ReadProxyHeader(std::string_view bytes);

}  // namespace keystrand::http
