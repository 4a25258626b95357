#include "receiver/reply.h"

#include <cstdlib>

namespace keystrand::receiver {

int StatusOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnauthenticated: return 400;
    case ErrorCode::kMalformed:
    case ErrorCode::kUnsupported:
    case ErrorCode::kRejected:
    case ErrorCode::kMissingReference:
    case ErrorCode::kTimeout:
    case ErrorCode::kConflict:
    case ErrorCode::kUnavailable:
    case ErrorCode::kMisdeployed:
    case ErrorCode::kInternal:
    case ErrorCode::kCrashed: return 503;
  }
  std::abort();
}

const http::Response& Accepted() {
  static const http::Response kAccepted(200, "application/json", R"({"status":"accepted"})");
  return kAccepted;
}

const http::Response& Refused(ErrorCode code) {
  static const http::Response kUnauthenticated = http::Response::Error(400, "invalid_signature");
  static const http::Response kUnavailable = http::Response::Error(503, "unavailable", "Retry-After: 5\r\n");
  return StatusOf(code) == 400 ? kUnauthenticated : kUnavailable;
}

const http::Response& NotFound() {
  static const http::Response kNotFound = http::Response::Error(404, "not_found");
  return kNotFound;
}

const http::Response& MethodNotAllowed() {
  static const http::Response kNotAllowed = http::Response::Error(405, "method_not_allowed", "Allow: POST\r\n");
  return kNotAllowed;
}

}  // namespace keystrand::receiver
