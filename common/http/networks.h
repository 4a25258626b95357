#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <string>
#include <vector>

#include "common/core/result.h"

/// Included by this folder's .cc files only.
namespace keystrand::http {

/// `address` itself, or the IPv4 address that it maps ("::ffff:192.0.2.1").
[[nodiscard]] boost::asio::ip::address Unmapped(const boost::asio::ip::address& address);

/// A list of address blocks.
class Networks {
 public:
  /// `blocks`: addresses ("192.0.2.1") and CIDR blocks ("10.0.0.0/8", "fd00::/8").
  /// Errors: kRejected, naming the block that is neither.
  static Result<Networks> Parse(const std::vector<std::string>& blocks);
  [[nodiscard]] bool Contains(const boost::asio::ip::address& address) const;

 private:
  Result<> Add(const std::string& block);

  std::vector<boost::asio::ip::network_v4> four_;
  std::vector<boost::asio::ip::network_v6> six_;
};

}  // namespace keystrand::http
