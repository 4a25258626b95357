#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/bench/loadgen/response_reader.h"

namespace keystrand::bench {

using SteadyTime = std::chrono::steady_clock::time_point;

/// A request under way: when it should have been sent, and which one it is.
struct Assignment {
  std::size_t index = 0;
  SteadyTime due;
};

/// One keep-alive connection to 127.0.0.1 with at most one request under way. Non-blocking; the owner's epoll says when
/// to call. Owns its socket and its copy of the request image.
class Connection {
 public:
  enum class State { kClosed, kConnecting, kIdle, kBusy };
  enum class Event { kNothing, kConnected, kAnswered, kFailed };

  explicit Connection(std::string image) : request_(std::move(image)) {}
  ~Connection() { Close(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Begins to connect and registers with `epoll`. False if no socket can be had.
  bool Open(int epoll, std::uint16_t port);
  void Close();

  /// Sends what request() now holds. Only while kIdle. kFailed, else kNothing.
  Event Send(const Assignment& assignment);
  /// Serves what epoll reported.
  Event OnReady(std::uint32_t epoll_events);

  [[nodiscard]] char* request() { return request_.data(); }
  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] const Assignment& assignment() const { return assignment_; }
  [[nodiscard]] int status() const { return response_.status(); }
  /// After kAnswered: whether another request may follow on this connection. Not after "Connection: close", nor after
  /// an answer that came before the whole request was sent.
  [[nodiscard]] bool reusable() const { return !response_.closes() && written_ == request_.size(); }

 private:
  Event FinishConnecting();
  Event Write();
  Event Read();
  void WatchWritable(bool writable);

  std::string request_;
  std::size_t written_ = 0;
  Assignment assignment_;
  ResponseReader response_;
  State state_ = State::kClosed;
  int epoll_ = -1;
  int socket_ = -1;
  bool watches_writable_ = false;
};

}  // namespace keystrand::bench
