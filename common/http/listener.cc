#include "common/http/listener.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <charconv>
#include <utility>

namespace keystrand::http {
namespace {

using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
constexpr int kBacklog = 1024;
constexpr int kAcceptsPerTurn = 64;                 // so that a flood of connections does not starve those we have
constexpr std::chrono::milliseconds kBackOff{100};  // out of descriptors: none comes free faster than that

Result<asio::ip::tcp::endpoint> ParseEndpoint(const std::string& listen) {
  const auto unusable = [&] { return Fail(ErrorCode::kRejected, listen + ": not an address:port to listen on"); };
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0) return unusable();
  std::string host = listen.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  std::uint16_t port = 0;
  const char* const end = listen.data() + listen.size();
  const auto [stopped, bad_port] = std::from_chars(listen.data() + colon + 1, end, port);
  if (error || bad_port != std::errc() || stopped != end) return unusable();
  return asio::ip::tcp::endpoint(address, port);
}

std::string TextOf(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address).sin_addr, text.data(), text.size());
    return text.data();
  }
  const in6_addr& six = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&six)) {
    inet_ntop(AF_INET, &six.s6_addr[12], text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, &six, text.data(), text.size());
  }
  return text.data();
}

}  // namespace

Listener::Listener(std::vector<std::shared_ptr<Loop>>& loops)
    : loops_(loops),
      shared_(loops.front()->shared()),
      acceptor_(loops.front()->context()),
      back_off_(loops.front()->context()) {}

Listener::~Listener() = default;

Result<> Listener::Open(const std::string& address, bool reuse_port) {
  const auto endpoint = ParseEndpoint(address);
  if (!endpoint) return Fail(endpoint.error());
  protocol_ = endpoint->protocol();
  boost::system::error_code error;
  const auto unless_failed = [&](auto&& step) {
    if (!error) step();
  };
  unless_failed([&] { acceptor_.open(protocol_, error); });
  unless_failed([&] { acceptor_.set_option(asio::socket_base::reuse_address(true), error); });
  unless_failed([&] { acceptor_.set_option(ReusePort(reuse_port), error); });
  unless_failed([&] { acceptor_.bind(*endpoint, error); });
  unless_failed([&] { acceptor_.listen(kBacklog, error); });
  unless_failed([&] { acceptor_.native_non_blocking(true, error); });
  unless_failed([&] { port_ = acceptor_.local_endpoint(error).port(); });
  if (error == asio::error::address_in_use) return Fail(ErrorCode::kUnavailable, address + ": the port is taken");
  if (error) return Fail(ErrorCode::kRejected, address + ": cannot listen: " + error.message());
  return {};
}

void Listener::Start() { Wait(); }

void Listener::Stop() {
  asio::post(loops_.front()->context(), [this] {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    back_off_.cancel();
  });
}

void Listener::Wait() {
  acceptor_.async_wait(asio::socket_base::wait_read, [this](boost::system::error_code error) {
    if (!error && acceptor_.is_open()) AcceptAll();
  });
}

void Listener::AcceptAll() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    const int fd = ::accept4(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&address), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      HandOver(fd, TextOf(address));
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return BackOff();
    }
  }
  Wait();
}

void Listener::BackOff() {
  shared_.accept_errors.fetch_add(1, std::memory_order_relaxed);
  back_off_.expires_after(kBackOff);
  back_off_.async_wait([this](boost::system::error_code error) {
    if (!error && acceptor_.is_open()) AcceptAll();
  });
}

void Listener::HandOver(int fd, std::string peer) {
  if (shared_.connections.load() >= shared_.settings.connections_max) return Refuse(fd);
  shared_.connections_accepted.fetch_add(1, std::memory_order_relaxed);
  shared_.connections.fetch_add(1);
  Loop& loop = LeastLoaded();
  loop.Adopt(Socket(loop.context(), protocol_, fd), std::move(peer));
}

void Listener::Refuse(int fd) {
  static constexpr std::string_view kBusy =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 22\r\n"
      "Retry-After: 1\r\nConnection: close\r\n\r\n{\"error\":\"overloaded\"}";
  shared_.connections_refused.fetch_add(1, std::memory_order_relaxed);
  (void)!::send(fd, kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::close(fd);
}

Loop& Listener::LeastLoaded() {
  return **std::min_element(loops_.begin(), loops_.end(),
                            [](const auto& a, const auto& b) { return a->connection_count() < b->connection_count(); });
}

}  // namespace keystrand::http
