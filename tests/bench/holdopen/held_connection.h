#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string_view>

#include "tests/bench/loadgen/response_reader.h"

namespace keystrand::bench {

/// One connection that is there to be held: a socket, and the answer that may come on it. Non-blocking; the owner's
/// epoll says when to call. Some hundred bytes each.
class HeldConnection {
 public:
  enum class State : std::uint8_t { kClosed, kConnecting, kOpen };
  enum class Event : std::uint8_t { kNothing, kConnected, kAnswered, kClosed };

  HeldConnection() = default;
  ~HeldConnection() { Close(); }
  HeldConnection(const HeldConnection&) = delete;
  HeldConnection& operator=(const HeldConnection&) = delete;

  /// Begins to connect from `source` (any port) to 127.0.0.1:`port`, and registers itself with `epoll`. False if no
  /// socket can be had or the address is not ours.
  bool Open(int epoll, std::uint16_t port, in_addr source);
  void Close();

  /// Serves what epoll reported. kClosed: the receiver ended it, or refused it; call Close or Open.
  Event OnReady(std::uint32_t epoll_events);
  /// False if not all bytes went out, which for a few bytes on a quiet connection means that it is gone.
  [[nodiscard]] bool Send(std::string_view bytes) const;

  [[nodiscard]] State state() const { return state_; }
  /// Of the last whole answer.
  [[nodiscard]] int status() const { return response_.status(); }

 private:
  Event FinishConnecting();
  Event Read();

  ResponseReader response_;
  int socket_ = -1;
  int epoll_ = -1;
  State state_ = State::kClosed;
};

}  // namespace keystrand::bench
