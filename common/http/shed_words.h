#pragma once

#include <string_view>

/// Whole answers for connections that are shed before they have a request. Included by this folder's .cc files only.
namespace keystrand::http {

[[nodiscard]] inline std::string_view Busy() {
  return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 22\r\n"
         "Retry-After: 1\r\nConnection: close\r\n\r\n{\"error\":\"overloaded\"}";
}

[[nodiscard]] inline std::string_view TooManyConnections() {
  return "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: 32\r\n"
         "Retry-After: 1\r\nConnection: close\r\n\r\n{\"error\":\"too_many_connections\"}";
}

}  // namespace keystrand::http
