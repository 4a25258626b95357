#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace keystrand::receiver {

struct EndpointSettings {
  std::string name = "default";       ///< header `endpoint`, and part of the key of an unreadable body
  std::size_t index = 0;              ///< its place among the receiver's endpoints: of its metrics
  std::string path;                   ///< compared byte for byte with the request's, without its query
  std::string expected_mode = "any";  ///< header `expected-mode`: live, test or any; the worker judges it
  std::string own_account;            ///< the account that counts as "self"; empty if not configured
  std::uint64_t body_bytes_max =
      std::uint64_t{1024} * 1024;  ///< the server's: it answers 413 to more, whatever the load
};

}  // namespace keystrand::receiver
