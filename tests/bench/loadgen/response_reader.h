#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace keystrand::bench {

/// Reads one HTTP/1.1 response after another from a connection that never has two requests under way. Knows
/// Content-Length framing only, which all receivers compared here use for their short answers.
class ResponseReader {
 public:
  enum class Progress { kIncomplete, kComplete, kMalformed };

  /// Takes the next bytes of the connection. After kComplete the results hold until the next call, which begins the
  /// next response. Bytes behind the end of a response are kMalformed: nothing was asked for.
  Progress Feed(std::string_view bytes);

  [[nodiscard]] int status() const { return status_; }
  /// The server said that it closes the connection.
  [[nodiscard]] bool closes() const { return closes_; }

 private:
  [[nodiscard]] bool ParseHead(std::string_view head);

  std::string head_;
  std::size_t body_left_ = 0;
  bool in_body_ = false;
  int status_ = 0;
  bool closes_ = false;
};

}  // namespace keystrand::bench
