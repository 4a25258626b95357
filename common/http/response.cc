#include "common/http/response.h"

#include <utility>

namespace keystrand::http {
namespace {

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 411: return "Length Required";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    default: return "Unknown";
  }
}

std::string RenderHead(int status, std::string_view content_type, std::size_t body_bytes, std::string_view extra) {
  std::string head = "HTTP/1.1 " + std::to_string(status) + " ";
  head.append(ReasonPhrase(status)).append("\r\nContent-Type: ").append(content_type);
  head.append("\r\nContent-Length: ").append(std::to_string(body_bytes)).append("\r\n").append(extra);
  return head;
}

}  // namespace

Response::Response(int status, std::string_view content_type, std::string body, std::string_view extra_lines) {
  std::string head = RenderHead(status, content_type, body.size(), extra_lines);
  rendered_ = std::make_shared<const Rendered>(Rendered{status, std::move(head), std::move(body)});
}

Response Response::Error(int status, std::string_view word, std::string_view extra_lines) {
  return {status, "application/json", R"({"error":")" + std::string(word) + R"("})", extra_lines};
}

}  // namespace keystrand::http
