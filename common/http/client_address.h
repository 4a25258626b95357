#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/core/result.h"

namespace keystrand::http {

/// Where the address of a client is read. The last two are believed only of trusted proxies, since anyone can write
/// them.
enum class ClientAddressSource : std::uint8_t {
  kConnection,     ///< the connection's other end
  kProxyProtocol,  ///< a PROXY protocol v2 header that begins each connection; who is not trusted is not served
  kForwardedFor,   ///< of X-Forwarded-For, the last address that is not a trusted proxy's
};

struct ClientAddressSettings {
  ClientAddressSource source = ClientAddressSource::kConnection;
  std::vector<std::string> trusted_proxies;  ///< addresses and CIDR blocks
};

/// Errors: kRejected, naming what is neither an address nor a CIDR block.
[[nodiscard]] Result<> CheckNetworks(const std::vector<std::string>& blocks);

}  // namespace keystrand::http
