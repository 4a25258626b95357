#include "tests/bench/loadgen/load_run.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <set>
#include <thread>

namespace keystrand::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kTemplate[] =
    R"({"id": "evt_aaaaaaaaaaaaaaaaaa", "created": 1000000000, "object": "ch_bbbbbbbbbbbbbbbb", "customer": "cus_cccccc", "type": "x"})";
constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// Answers every request of every connection with 200, one thread each; request number `stall_at` holds all of them up
/// for `stall`. Keeps the bodies.
class StallingServer {
 public:
  StallingServer(int stall_at, milliseconds stall) : stall_at_(stall_at), stall_(stall) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(listener_, 64), 0);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~StallingServer() {
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (std::thread& thread : servers_) thread.join();
    close(listener_);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  std::set<std::string> bodies() {
    const std::lock_guard lock(mutex_);
    return bodies_;
  }

 private:
  void Accept() {
    for (int client = accept(listener_, nullptr, nullptr); client >= 0; client = accept(listener_, nullptr, nullptr)) {
      servers_.emplace_back([this, client] { Serve(client); });
    }
  }

  void Serve(int client) {
    const std::size_t body_bytes = std::string_view(kTemplate).size();
    std::string received;
    char buffer[8192];
    for (ssize_t n = 0; (n = recv(client, buffer, sizeof buffer, 0)) > 0;) {
      received.append(buffer, static_cast<std::size_t>(n));
      const std::size_t head = received.find("\r\n\r\n");
      if (head == std::string::npos || received.size() < head + 4 + body_bytes) continue;
      Count(received.substr(head + 4, body_bytes));
      received.erase(0, head + 4 + body_bytes);
      send(client, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL);
    }
    close(client);
  }

  void Count(std::string body) {
    const std::lock_guard lock(mutex_);
    bodies_.insert(std::move(body));
    if (++requests_ == stall_at_)
      std::this_thread::sleep_for(stall_);  // the fault itself: all others wait for the lock
  }

  const int stall_at_;
  const milliseconds stall_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::thread acceptor_;
  std::vector<std::thread> servers_;
  std::mutex mutex_;
  int requests_ = 0;
  std::set<std::string> bodies_;
};

SignedRequests Requests(std::uint16_t port, std::size_t count) {
  return {*EventTemplate::Parse(kTemplate),
          PlanDeliveries({.deliveries = count, .customers = 10, .duplicate_share = 0}),
          {.port = port, .path = "/x", .secret = "whsec_invented_for_this_test"}};
}

double Ms(std::chrono::nanoseconds value) { return std::chrono::duration<double, std::milli>(value).count(); }

TEST(LoadRunTest, AStallCountsForEveryRequestThatFellIntoIt) {
  constexpr milliseconds kStall(400);
  StallingServer server(500, kStall);
  // 1,000 a second for 1.5 s over 4 connections: the stall holds 4 requests and keeps about 400 from being sent.
  const LoadShape shape{.port = server.port(), .connections = 4, .rate = 1000, .duration = milliseconds(1500)};
  const auto result = RunLoad(shape, Requests(server.port(), 1500));
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->statuses.at(200), 1500U);
  EXPECT_EQ(result->errors.unanswered + result->errors.broken, 0U);
  EXPECT_GE(Ms(result->latency.max()), Ms(kStall) - 1);
  // 400 of 1,500 waited, evenly from 0 to 400 ms: the 87th percentile waited about half the stall.
  EXPECT_GT(Ms(result->latency.Percentile(87)), 100);
  EXPECT_LT(Ms(result->latency.Percentile(50)), 100);
}

TEST(LoadRunTest, SendsEachRequestOnceInTheOpenLoop) {
  StallingServer server(-1, milliseconds(0));
  const LoadShape shape{.port = server.port(), .connections = 4, .rate = 2000, .duration = milliseconds(200)};
  const auto result = RunLoad(shape, Requests(server.port(), 1000));
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->due, 400U);
  EXPECT_EQ(server.bodies().size(), 400U);
}

TEST(LoadRunTest, TheWarmUpIsNotMeasured) {
  StallingServer server(100, milliseconds(200));
  const LoadShape shape{.port = server.port(),
                        .connections = 4,
                        .rate = 500,
                        .warm_up = milliseconds(1000),
                        .duration = milliseconds(200)};
  const auto result = RunLoad(shape, Requests(server.port(), 1000));
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->due, 100U);
  EXPECT_EQ(result->sent, 600U);
  EXPECT_EQ(result->accepted, 600U) << "of the whole run: what the topic must hold";
  EXPECT_EQ(result->latency.count(), 100U);
  EXPECT_LT(Ms(result->latency.max()), 200);
}

TEST(LoadRunTest, WhatIsNotAnsweredInTimeIsCountedWithItsWait) {
  StallingServer server(50, milliseconds(1000));
  const LoadShape shape{
      .port = server.port(), .connections = 2, .rate = 500, .duration = milliseconds(200), .grace = milliseconds(100)};
  const auto result = RunLoad(shape, Requests(server.port(), 1000));
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->due, 100U);
  EXPECT_EQ(result->statuses.at(200) + result->errors.unanswered, 100U);
  EXPECT_GE(result->errors.unanswered, 50U);
  EXPECT_EQ(result->latency.count(), 100U);
}

TEST(LoadRunTest, TheClosedLoopStopsAtTheWindowsEndOrWithoutRequests) {
  StallingServer server(-1, milliseconds(0));
  const LoadShape shape{.port = server.port(), .connections = 4, .duration = milliseconds(200)};
  const auto all = RunLoad(shape, Requests(server.port(), 100'000));
  ASSERT_TRUE(all.has_value());
  EXPECT_FALSE(all->ran_out_of_requests);
  EXPECT_EQ(all->statuses.at(200), all->due);
  const auto few = RunLoad(shape, Requests(server.port(), 10));
  ASSERT_TRUE(few.has_value());
  EXPECT_TRUE(few->ran_out_of_requests);
  EXPECT_EQ(few->statuses.at(200), 10U);
}

TEST(LoadRunTest, SaysThatNobodyListens) {
  std::uint16_t port = 0;
  { port = StallingServer(-1, milliseconds(0)).port(); }
  EXPECT_FALSE(RunLoad({.port = port, .connections = 1, .duration = seconds(1)}, Requests(port, 1)).has_value());
}

}  // namespace
}  // namespace keystrand::bench
