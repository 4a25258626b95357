#include "common/http/networks.h"

#include <algorithm>

#include "common/http/client_address.h"

namespace keystrand::http {

namespace ip = boost::asio::ip;

ip::address Unmapped(const ip::address& address) {
  if (!address.is_v6() || !address.to_v6().is_v4_mapped()) return address;
  return ip::make_address_v4(ip::v4_mapped, address.to_v6());
}

Result<Networks> Networks::Parse(const std::vector<std::string>& blocks) {
  Networks networks;
  for (const std::string& block : blocks) {
    if (auto added = networks.Add(block); !added) return Fail(added.error());
  }
  return networks;
}

Result<> Networks::Add(const std::string& block) {
  const bool whole = block.find('/') == std::string::npos;
  boost::system::error_code error;
  if (const auto four = ip::make_network_v4(whole ? block + "/32" : block, error); !error) {
    four_.push_back(four.canonical());
    return {};
  }
  if (const auto six = ip::make_network_v6(whole ? block + "/128" : block, error); !error) {
    six_.push_back(six.canonical());
    return {};
  }
  return Fail(ErrorCode::kRejected, block + ": neither an address nor a block like 10.0.0.0/8");
}

bool Networks::Contains(const ip::address& address) const {
  const ip::address plain = Unmapped(address);
  if (plain.is_v4()) {
    return std::any_of(four_.begin(), four_.end(), [host = plain.to_v4()](const ip::network_v4& network) {
      return ip::network_v4(host, network.prefix_length()).canonical() == network;
    });
  }
  return std::any_of(six_.begin(), six_.end(), [host = plain.to_v6()](const ip::network_v6& network) {
    return ip::network_v6(host, network.prefix_length()).canonical() == network;
  });
}

Result<> CheckNetworks(const std::vector<std::string>& blocks) {
  if (auto parsed = Networks::Parse(blocks); !parsed) return Fail(parsed.error());
  return {};
}

}  // namespace keystrand::http
