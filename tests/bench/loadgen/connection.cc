#include "tests/bench/loadgen/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace keystrand::bench {

bool Connection::Open(int epoll, std::uint16_t port) {
  Close();
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return false;
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS) {
    Close();
    return false;
  }
  epoll_ = epoll;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.ptr = this;
  watches_writable_ = true;
  state_ = State::kConnecting;
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, socket_, &event) == 0;
}

void Connection::Close() {
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
  state_ = State::kClosed;
  response_ = ResponseReader();
}

Connection::Event Connection::Send(const Assignment& assignment) {
  assignment_ = assignment;
  written_ = 0;
  state_ = State::kBusy;
  return Write();
}

Connection::Event Connection::OnReady(std::uint32_t epoll_events) {
  if (state_ == State::kConnecting) return FinishConnecting();
  if (state_ == State::kBusy && (epoll_events & EPOLLOUT) != 0 && Write() == Event::kFailed) return Event::kFailed;
  if ((epoll_events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) return Read();
  return Event::kNothing;
}

Connection::Event Connection::FinishConnecting() {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0) return Event::kFailed;
  WatchWritable(false);
  state_ = State::kIdle;
  return Event::kConnected;
}

Connection::Event Connection::Write() {
  const ssize_t sent = send(socket_, request_.data() + written_, request_.size() - written_, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return Event::kFailed;
  if (sent > 0) written_ += static_cast<std::size_t>(sent);
  WatchWritable(written_ < request_.size());
  return Event::kNothing;
}

Connection::Event Connection::Read() {
  std::array<char, 4096> buffer;
  const ssize_t received = recv(socket_, buffer.data(), buffer.size(), 0);
  if (received < 0) return errno == EAGAIN || errno == EINTR ? Event::kNothing : Event::kFailed;
  if (received == 0 || state_ != State::kBusy) return Event::kFailed;  // closed, or an answer to nothing
  switch (response_.Feed({buffer.data(), static_cast<std::size_t>(received)})) {
    case ResponseReader::Progress::kIncomplete: return Event::kNothing;
    case ResponseReader::Progress::kMalformed: return Event::kFailed;
    case ResponseReader::Progress::kComplete: break;
  }
  state_ = State::kIdle;
  return Event::kAnswered;
}

void Connection::WatchWritable(bool writable) {
  if (writable == watches_writable_) return;
  watches_writable_ = writable;
  epoll_event event{};
  event.events = EPOLLIN | (writable ? EPOLLOUT : 0U);
  event.data.ptr = this;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, socket_, &event);
}

}  // namespace keystrand::bench
