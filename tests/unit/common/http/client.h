#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace keystrand::http {

/// One answer as a client reads it.
struct Answer {
  int status = 0;
  std::string head;
  std::string body;
  [[nodiscard]] bool Has(std::string_view header_line) const { return head.find(header_line) != std::string::npos; }
};

/// A connection to 127.0.0.1 under the test's control, byte by byte. Every wait is bounded.
class Client {
 public:
  explicit Client(std::uint16_t port);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// False if the peer has closed.
  bool Send(std::string_view bytes);
  /// Ends the sending side.
  void FinishSending();
  /// Closes with a reset.
  void Reset();
  /// The next answer; status 0 if the connection ends or nothing comes in time.
  Answer Receive(std::chrono::milliseconds timeout = std::chrono::seconds(10));
  /// Whether the server closes in time, without a further byte.
  bool WaitForClose(std::chrono::milliseconds timeout = std::chrono::seconds(10));

 private:
  bool Fill(std::chrono::steady_clock::time_point deadline);

  int fd_;
  std::string received_;
  bool closed_ = false;
};

}  // namespace keystrand::http
