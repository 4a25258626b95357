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
#include <cstring>
#include <utility>

#include "common/http/own_answers.h"

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

asio::ip::address AddressOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    return asio::ip::address_v4(ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr));
  }
  asio::ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &reinterpret_cast<const sockaddr_in6&>(address).sin6_addr, bytes.size());
  return Unmapped(asio::ip::address_v6(bytes));
}

void Shed(int fd, std::string_view word) {
  if (!word.empty()) static_cast<void>(::send(fd, word.data(), word.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  ::close(fd);
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
      Take(fd, AddressOf(address));
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return BackOff();
    }
  }
  Wait();
}

void Listener::BackOff() {
  shared_.Hit(Bound::kDescriptors);
  back_off_.expires_after(kBackOff);
  back_off_.async_wait([this](boost::system::error_code error) {
    if (!error && acceptor_.is_open()) AcceptAll();
  });
}

/// Over a bound it is shed here, before any work: a word to those who speak HTTP in clear, a close to the others.
void Listener::Take(int fd, const asio::ip::address& address) {
  const bool proxied = shared_.settings.client_address.source == ClientAddressSource::kProxyProtocol;
  const bool in_clear = !proxied && !shared_.Tls();
  if (shared_.connections.load() >= shared_.settings.connections_max) {
    shared_.Hit(Bound::kConnections);
    return Shed(fd, in_clear ? Busy() : std::string_view());
  }
  Peer peer{address, std::nullopt};
  if (!proxied) {
    peer.place = shared_.addresses.Enter(address);
    if (!peer.place) {
      shared_.Hit(Bound::kConnectionsPerAddress);
      return Shed(fd, in_clear ? TooManyConnections() : std::string_view());
    }
  }
  shared_.connections_accepted.fetch_add(1, std::memory_order_relaxed);
  shared_.connections.fetch_add(1);
  Loop& loop = LeastLoaded();
  loop.Adopt(Socket(loop.context(), protocol_, fd), std::move(peer));
}

Loop& Listener::LeastLoaded() {
  return **std::min_element(loops_.begin(), loops_.end(),
                            [](const auto& a, const auto& b) { return a->connection_count() < b->connection_count(); });
}

}  // namespace keystrand::http
