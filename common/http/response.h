#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace keystrand::http {

/// An answer, rendered when it is built but for what differs per request (Date, Connection, X-Request-Id). Build the
/// fixed ones once and send copies: a copy shares the bytes. Immutable, so any thread may hold one.
class Response {
 public:
  /// `extra_lines`: further header lines, each ended by CRLF, e.g. "Allow: POST\r\n".
  Response(int status, std::string_view content_type, std::string body, std::string_view extra_lines = {});
  /// `{"error":"<word>"}`, the one shape of every refusal. `word`: fixed, lower case, no reason beyond it.
  static Response Error(int status, std::string_view word, std::string_view extra_lines = {});

  [[nodiscard]] int status() const { return rendered_->status; }
  /// Status line and header lines, without the empty line that ends them.
  [[nodiscard]] std::string_view head() const { return rendered_->head; }
  [[nodiscard]] std::string_view body() const { return rendered_->body; }

 private:
  struct Rendered {
    int status;
    std::string head;
    std::string body;
  };
  std::shared_ptr<const Rendered> rendered_;
};

}  // namespace keystrand::http
