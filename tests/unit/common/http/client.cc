#include "client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace keystrand::http {

using std::chrono::steady_clock;

Client::Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  closed_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0;
}

Client::~Client() {
  if (fd_ >= 0) ::close(fd_);
}

bool Client::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

void Client::FinishSending() { ::shutdown(fd_, SHUT_WR); }

void Client::Reset() {
  const linger hard{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::close(fd_);
  fd_ = -1;
}

bool Client::Fill(steady_clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
  pollfd readable{fd_, POLLIN, 0};
  if (closed_ || left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) <= 0) return false;
  std::array<char, 65536> bytes;
  const ssize_t count = ::recv(fd_, bytes.data(), bytes.size(), 0);
  closed_ = count <= 0;
  if (!closed_) received_.append(bytes.data(), static_cast<std::size_t>(count));
  return !closed_;
}

Answer Client::Receive(std::chrono::milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  Answer answer;
  std::size_t head_end = 0;
  while ((head_end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!Fill(deadline)) return answer;
  }
  answer.head = received_.substr(0, head_end + 2);
  const std::size_t length_at = answer.head.find("Content-Length: ");
  const std::size_t length =
      length_at == std::string::npos ? 0 : std::strtoul(answer.head.c_str() + length_at + 16, nullptr, 10);
  while (received_.size() < head_end + 4 + length) {
    if (!Fill(deadline)) return answer;
  }
  answer.status = std::atoi(answer.head.c_str() + 9);
  answer.body = received_.substr(head_end + 4, length);
  received_.erase(0, head_end + 4 + length);
  return answer;
}

bool Client::WaitForClose(std::chrono::milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  while (received_.empty() && Fill(deadline)) {
  }
  return closed_ && received_.empty();
}

}  // namespace keystrand::http
