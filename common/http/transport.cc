#include "common/http/transport.h"

#include <cstdlib>

namespace keystrand::http {

void Transport::Prepare() {
  boost::system::error_code ignored;  // a connection that is gone already shows at the first read
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

Transport::Written Transport::Write(std::string_view bytes) {
  if (!tls_) {
    boost::system::error_code error;
    const std::size_t count = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), error);
    return {count, error && error != asio::error::would_block};
  }
  Written written;
  while (written.count < bytes.size()) {  // one TLS record a turn
    const auto io = tls_->Write(bytes.substr(written.count));
    written.failed = io.state == TlsSession::State::kEnd || io.state == TlsSession::State::kFailed;
    if (io.state != TlsSession::State::kDone) break;
    written.count += io.count;
  }
  return written;
}

void Transport::EndSending() {
  if (tls_) tls_->EndSending();
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
}

void Transport::Close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

Transport::State Transport::StateOf(boost::system::error_code error) {
  if (!error) return State::kDone;
  return error == asio::error::eof ? State::kEnd : State::kFailed;
}

Transport::State Transport::StateOf(TlsSession::State state) {
  switch (state) {
    case TlsSession::State::kDone: return State::kDone;
    case TlsSession::State::kEnd: return State::kEnd;
    case TlsSession::State::kWantRead:
    case TlsSession::State::kWantWrite:
    case TlsSession::State::kFailed: return State::kFailed;
  }
  std::abort();
}

}  // namespace keystrand::http
