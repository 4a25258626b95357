#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "common/http/loop.h"
#include "common/http/tls.h"

/// Included by this folder's .cc files only.
namespace keystrand::http {

/// The bytes of one connection, in clear until BeginTls. On the loop's thread. A handler keeps the transport's owner
/// alive, and is never called from inside the call that it was given to.
class Transport {
 public:
  enum class State : std::uint8_t {
    kDone,
    kEnd,     ///< the peer will send no more
    kFailed,  ///< broken, or closed here
  };
  struct Written {
    std::size_t count = 0;
    bool failed = false;
  };

  explicit Transport(Socket socket) : socket_(std::move(socket)) {}

  void BeginTls(std::shared_ptr<const TlsContext> context) {
    tls_.emplace(std::move(context), socket_.native_handle());
  }
  [[nodiscard]] bool secure() const { return tls_.has_value(); }

  /// Non-blocking, without Nagle's delay.
  void Prepare();
  /// Calls `handler(bool ok)`.
  template <typename Handler>
  void AsyncHandshake(Handler handler) {
    Await([this] { return tls_->Handshake(); },
          [handler = std::move(handler)](State state, std::size_t) { handler(state == State::kDone); });
  }
  /// Calls `handler(State, size_t count)` once there are bytes, or there will be none.
  template <typename Handler>
  void AsyncRead(std::span<char> into, Handler handler) {
    if (tls_) return Await([this, into] { return tls_->Read(into); }, std::move(handler));
    socket_.async_read_some(asio::buffer(into.data(), into.size()),
                            [handler = std::move(handler)](boost::system::error_code error, std::size_t count) {
                              handler(StateOf(error), count);
                            });
  }
  /// What can be written at once; less than asked and not failed: call again when AsyncWaitWritable says so.
  [[nodiscard]] Written Write(std::string_view bytes);
  /// Calls `handler(bool ok)`.
  template <typename Handler>
  void AsyncWaitWritable(Handler handler) {
    socket_.async_wait(Socket::wait_write, [handler = std::move(handler)](auto error) { handler(!error); });
  }
  /// Nothing follows; reading goes on.
  void EndSending();
  void Close();

 private:
  static State StateOf(boost::system::error_code error);
  static State StateOf(TlsSession::State state);

  /// Takes `step` now, and again whenever the socket is ready for it, until it is over.
  template <typename Step, typename Handler>
  void Await(Step step, Handler handler) {
    const TlsSession::Io io = step();
    if (io.state == TlsSession::State::kWantRead || io.state == TlsSession::State::kWantWrite) {
      const auto ready = io.state == TlsSession::State::kWantRead ? Socket::wait_read : Socket::wait_write;
      return socket_.async_wait(ready, [this, step, handler](boost::system::error_code error) {
        const bool closed = !socket_.is_open();  // since it became ready; its descriptor may be another's by now
        error || closed ? handler(State::kFailed, 0) : Await(step, handler);
      });
    }
    asio::post(socket_.get_executor(), [handler, io] { handler(StateOf(io.state), io.count); });
  }

  Socket socket_;
  std::optional<TlsSession> tls_;
};

}  // namespace keystrand::http
