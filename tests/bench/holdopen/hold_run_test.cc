#include "tests/bench/holdopen/hold_run.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace keystrand::bench {
namespace {

using std::chrono::milliseconds;

constexpr char kTemplate[] =
    R"({"id": "evt_aaaaaaaaaaaaaaaaaa", "created": 1000000000, "object": "ch_bbbbbbbbbbbbbbbb", "customer": "cus_cccccc", "type": "x"})";
constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// Accepts connections in one thread, and gives each piece of what arrives to `on_bytes`, which may answer on the
/// socket; false ends that connection.
class TestServer {
 public:
  using OnBytes = std::function<bool(int client, std::string& received)>;

  explicit TestServer(OnBytes on_bytes) : on_bytes_(std::move(on_bytes)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(listener_, 256), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    EXPECT_EQ(pipe(stop_.data()), 0);
    thread_ = std::thread([this] { Run(); });
  }
  ~TestServer() {
    close(stop_[1]);
    thread_.join();
    close(stop_[0]);
    close(listener_);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  std::set<std::string> sources() {
    const std::lock_guard lock(mutex_);
    return sources_;
  }
  [[nodiscard]] std::size_t open() const { return open_; }

 private:
  void Run() {
    std::vector<pollfd> watched = {{stop_[0], POLLIN, 0}, {listener_, POLLIN, 0}};
    std::vector<std::string> received(2);
    while (poll(watched.data(), watched.size(), -1) > 0 && watched[0].revents == 0) {
      for (std::size_t i = watched.size() - 1; i >= 2; --i) {
        if (watched[i].revents == 0 || Serve(watched[i].fd, received[i])) continue;
        close(watched[i].fd);
        watched.erase(watched.begin() + static_cast<std::ptrdiff_t>(i));
        received.erase(received.begin() + static_cast<std::ptrdiff_t>(i));
      }
      if (watched[1].revents != 0) {
        watched.push_back({Accept(), POLLIN, 0});
        received.emplace_back();
      }
      open_ = watched.size() - 2;
    }
    for (std::size_t i = 2; i < watched.size(); ++i) close(watched[i].fd);
  }

  int Accept() {
    sockaddr_in from{};
    socklen_t length = sizeof from;
    const int client = accept(listener_, reinterpret_cast<sockaddr*>(&from), &length);
    const std::lock_guard lock(mutex_);
    sources_.insert(inet_ntoa(from.sin_addr));
    return client;
  }

  bool Serve(int client, std::string& received) {
    std::array<char, 8192> buffer;
    const ssize_t n = recv(client, buffer.data(), buffer.size(), 0);
    if (n <= 0) return false;
    received.append(buffer.data(), static_cast<std::size_t>(n));
    return on_bytes_(client, received);
  }

  const OnBytes on_bytes_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::array<int, 2> stop_{};
  std::thread thread_;
  std::mutex mutex_;
  std::set<std::string> sources_;
  std::atomic<std::size_t> open_ = 0;
};

SignedRequests Requests(std::uint16_t port, std::size_t count) {
  return {*EventTemplate::Parse(kTemplate),
          PlanDeliveries({.deliveries = count, .customers = 10, .duplicate_share = 0}),
          {.port = port, .path = "/x", .secret = "whsec_invented_for_this_test"}};
}

TestServer::OnBytes AnswerEach(std::string_view answer) {
  const std::size_t body_bytes = std::string_view(kTemplate).size();
  return [answer, body_bytes](int client, std::string& received) {
    const std::size_t head = received.find("\r\n\r\n");
    if (head == std::string::npos || received.size() < head + 4 + body_bytes) return true;
    received.clear();
    return send(client, answer.data(), answer.size(), MSG_NOSIGNAL) > 0;
  };
}

TEST(HoldRunTest, IdleConnectionsAreHeldOnceEachWasAnswered200) {
  TestServer server(AnswerEach(kAnswer));
  const SignedRequests requests = Requests(server.port(), 150);
  HoldRun run({.port = server.port(), .connections = 150}, requests);
  ASSERT_TRUE(run.Open(milliseconds(10'000)).has_value());
  run.Hold(milliseconds(50), -1);
  EXPECT_EQ(run.counts().held, 150U);
  EXPECT_EQ(run.counts().answers, (std::map<int, std::uint64_t>{{200, 150}}));
  EXPECT_EQ(run.counts().opened, 150U);
  EXPECT_EQ(server.open(), 150U);
}

TEST(HoldRunTest, IdleConnectionsThatWereRefusedAreNotHeld) {
  TestServer server(AnswerEach("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}"));
  const SignedRequests requests = Requests(server.port(), 3);
  HoldRun run({.port = server.port(), .connections = 3}, requests);
  EXPECT_FALSE(run.Open(milliseconds(200)).has_value());
  EXPECT_EQ(run.counts().held, 0U);
  EXPECT_EQ(run.counts().answers, (std::map<int, std::uint64_t>{{503, 3}}));
}

TEST(HoldRunTest, ComesFromAsManyAddressesAsAskedFor) {
  TestServer server(AnswerEach(kAnswer));
  const SignedRequests requests = Requests(server.port(), 9);
  HoldRun run({.port = server.port(), .connections = 9, .sources = 3}, requests);
  ASSERT_TRUE(run.Open(milliseconds(10'000)).has_value());
  EXPECT_EQ(server.sources(), (std::set<std::string>{"127.0.0.2", "127.0.0.3", "127.0.0.4"}));
}

TEST(HoldRunTest, SlowHeadsArriveByteByByteAndNeverEnd) {
  std::mutex mutex;
  std::string head;
  std::size_t longest_piece = 0;
  TestServer server([&](int, std::string& received) {
    const std::lock_guard lock(mutex);
    longest_piece = std::max(longest_piece, received.size());
    head += std::exchange(received, {});
    return true;
  });
  const auto begin = std::chrono::steady_clock::now();
  HoldRun run({.port = server.port(), .connections = 1, .path = "/x", .drip = milliseconds(1)});
  ASSERT_TRUE(run.Open(milliseconds(10'000)).has_value());
  run.Hold(milliseconds(300), -1);
  const auto taken = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
  const std::lock_guard lock(mutex);
  EXPECT_TRUE(head.starts_with("POST /x HTTP/1.1\r\nHost: 127.0.0.1:")) << head;
  EXPECT_EQ(head.find("\r\n\r\n"), std::string::npos);
  EXPECT_GT(head.size(), 60U);
  EXPECT_LE(head.size(), run.counts().bytes_sent);
  EXPECT_LE(run.counts().bytes_sent, static_cast<std::uint64_t>(taken.count()) + 1) << "a byte a millisecond";
  EXPECT_LT(longest_piece, head.size()) << "not the whole at once";
}

TEST(HoldRunTest, ASlowConnectionThatTheReceiverEndsIsReplaced) {
  TestServer server([](int, std::string& received) { return received.size() < 3; });
  HoldRun run({.port = server.port(), .connections = 5, .drip = milliseconds(1), .reopen_delay = milliseconds(1)});
  ASSERT_TRUE(run.Open(milliseconds(10'000)).has_value());
  run.Hold(milliseconds(500), -1);
  EXPECT_GT(run.counts().closed, 5U);
  EXPECT_GE(run.counts().opened, run.counts().closed);
  EXPECT_EQ(run.counts().refused, 0U);
}

TEST(HoldRunTest, EndsWhenItsWakerDoes) {
  TestServer server(AnswerEach(kAnswer));
  const SignedRequests requests = Requests(server.port(), 1);
  HoldRun run({.port = server.port(), .connections = 1}, requests);
  ASSERT_TRUE(run.Open(milliseconds(10'000)).has_value());
  std::array<int, 2> waker{};
  ASSERT_EQ(pipe(waker.data()), 0);
  close(waker[1]);
  const auto begin = std::chrono::steady_clock::now();
  run.Hold(milliseconds(20'000), waker[0]);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, milliseconds(10'000));
  close(waker[0]);
}

TEST(HoldRunTest, SaysWhatItCouldNotHold) {
  std::uint16_t port = 0;
  {
    port = TestServer([](int, std::string&) { return true; }).port();
  }
  HoldRun run({.port = port, .connections = 2});
  const auto opened = run.Open(milliseconds(200));
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kUnavailable);
  EXPECT_GE(run.counts().refused, 2U);
}

}  // namespace
}  // namespace keystrand::bench
