#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/core/result.h"
#include "common/http/loop.h"

namespace keystrand::http {

/// Accepts on the first loop and hands each connection to the loop that has the fewest.
///
/// Why not one SO_REUSEPORT listener per loop: the kernel spreads by hash, so 16 connections over 2 loops split 10 to 6
/// or worse half the time, and stay so for as long as they live. One accept costs its loop about ten microseconds and
/// a hand-over, once per connection and not per request.
class Listener {
 public:
  explicit Listener(std::vector<std::shared_ptr<Loop>>& loops);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Errors: as Server::Start.
  Result<> Open(const std::string& address, bool reuse_port);
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Begins to accept; on the first loop's thread or before it runs.
  void Start();
  /// Thread-safe.
  void Stop();

 private:
  void Wait();
  void AcceptAll();
  void BackOff();
  void Take(int fd, const asio::ip::address& address);
  Loop& LeastLoaded();

  std::vector<std::shared_ptr<Loop>>& loops_;
  Shared& shared_;
  asio::basic_socket_acceptor<asio::ip::tcp, Executor> acceptor_;
  Timer back_off_;
  asio::ip::tcp protocol_ = asio::ip::tcp::v4();
  std::uint16_t port_ = 0;
};

}  // namespace keystrand::http
