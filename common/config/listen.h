#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/core/result.h"

namespace keystrand::config {

/// Where a server listens. `host`: an IP address without brackets. `port`: 0 lets the system choose.
struct Listen {
  std::string host;
  std::uint16_t port = 0;

  /// "0.0.0.0:8080", "[::1]:9101"; or ":9102", which is 127.0.0.1: an address left out is never a public one.
  /// Errors: kRejected, the detail says what to write.
  static Result<Listen> Parse(std::string_view text);
  /// `host:port`, IPv6 in brackets.
  [[nodiscard]] std::string Text() const;
};

}  // namespace keystrand::config
