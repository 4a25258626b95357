#include "tests/bench/holdopen/held_connection.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace keystrand::bench {
namespace {

const sockaddr* Generic(const sockaddr_in& address) { return reinterpret_cast<const sockaddr*>(&address); }

sockaddr_in Address(in_addr host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr = host;
  return address;
}

/// Bound without a port: the kernel takes one at connect, so that 28,000 to one port are possible from each address.
bool BindTo(int socket, in_addr source) {
  const int on = 1;
  if (setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) != 0) return false;
  const sockaddr_in address = Address(source, 0);
  return bind(socket, Generic(address), sizeof address) == 0;
}

bool BeginToConnect(int socket, std::uint16_t port) {
  const sockaddr_in address = Address({.s_addr = htonl(INADDR_LOOPBACK)}, port);
  return connect(socket, Generic(address), sizeof address) == 0 || errno == EINPROGRESS;
}

}  // namespace

bool HeldConnection::Open(int epoll, std::uint16_t port, in_addr source) {
  Close();
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket_ < 0) return false;
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.ptr = this;
  if (!BindTo(socket_, source) || !BeginToConnect(socket_, port) ||
      epoll_ctl(epoll, EPOLL_CTL_ADD, socket_, &event) != 0) {
    Close();
    return false;
  }
  epoll_ = epoll;
  state_ = State::kConnecting;
  return true;
}

void HeldConnection::Close() {
  if (socket_ >= 0) close(socket_);
  socket_ = -1;
  state_ = State::kClosed;
  response_ = ResponseReader();
}

HeldConnection::Event HeldConnection::OnReady(std::uint32_t epoll_events) {
  if (state_ == State::kConnecting) return FinishConnecting();
  if ((epoll_events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) return Read();
  return Event::kNothing;
}

HeldConnection::Event HeldConnection::FinishConnecting() {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0) return Event::kClosed;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = this;
  epoll_ctl(epoll_, EPOLL_CTL_MOD, socket_, &event);
  state_ = State::kOpen;
  return Event::kConnected;
}

HeldConnection::Event HeldConnection::Read() {
  std::array<char, 4096> buffer;
  const ssize_t received = recv(socket_, buffer.data(), buffer.size(), 0);
  if (received < 0) return errno == EAGAIN || errno == EINTR ? Event::kNothing : Event::kClosed;
  if (received == 0) return Event::kClosed;
  switch (response_.Feed({buffer.data(), static_cast<std::size_t>(received)})) {
    case ResponseReader::Progress::kIncomplete: return Event::kNothing;
    case ResponseReader::Progress::kMalformed: return Event::kClosed;
    case ResponseReader::Progress::kComplete: return Event::kAnswered;
  }
  return Event::kClosed;
}

bool HeldConnection::Send(std::string_view bytes) const {
  return send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

}  // namespace keystrand::bench
