#include "common/http/own_answers.h"

#include <cstdlib>

namespace keystrand::http {

const Response& OwnAnswer(int status) {
  static const Response kBadRequest = Response::Error(400, "bad_request");
  static const Response kTimeout = Response::Error(408, "timeout");
  static const Response kLengthRequired = Response::Error(411, "length_required");
  static const Response kBodyTooLarge = Response::Error(413, "body_too_large");
  static const Response kTargetTooLong = Response::Error(414, "target_too_long");
  static const Response kEncoding = Response::Error(415, "unsupported_encoding");
  static const Response kExpectation = Response::Error(417, "unsupported_expectation");
  static const Response kHeadTooLarge = Response::Error(431, "head_too_large");
  static const Response kInternal = Response::Error(500, "internal");
  static const Response kOverloaded = Response::Error(503, "overloaded", "Retry-After: 1\r\n");
  switch (status) {
    case 400: return kBadRequest;
    case 408: return kTimeout;
    case 411: return kLengthRequired;
    case 413: return kBodyTooLarge;
    case 414: return kTargetTooLong;
    case 415: return kEncoding;
    case 417: return kExpectation;
    case 431: return kHeadTooLarge;
    case 500: return kInternal;
    case 503: return kOverloaded;
    default: std::abort();  // the framing policy names no other
  }
}

std::string_view Busy() {
  return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 22\r\n"
         "Retry-After: 1\r\nConnection: close\r\n\r\n{\"error\":\"overloaded\"}";
}

std::string_view TooManyConnections() {
  return "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: 32\r\n"
         "Retry-After: 1\r\nConnection: close\r\n\r\n{\"error\":\"too_many_connections\"}";
}

}  // namespace keystrand::http
