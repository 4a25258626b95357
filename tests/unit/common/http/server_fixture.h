#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "common/http/server.h"
#include "tests/unit/common/http/client.h"

/// What the tests of the server share: a handler that tests steer, and what the server says of each exchange.
namespace keystrand::http {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// Answers with the body it got, unless a test says otherwise.
class TestHandler final : public Handler {
 public:
  std::optional<Refusal> Admit(const RequestHead& head) override {
    if (head.path == "/refused") return Refusal{Response::Error(404, "not_found"), 7};
    return std::nullopt;
  }
  void Handle(Request request, Responder responder) override { on_request(std::move(request), std::move(responder)); }
  Refusal OnAnswerTimeout() override { return {Response::Error(503, "late"), 9}; }

  std::function<void(Request, Responder)> on_request = [](Request request, Responder responder) {
    responder.Send(Response(200, "text/plain", std::move(request.body)), 1);
  };
};

struct Seen {
  std::string method;
  std::string path;
  int status;
  Ending ending;
  OutcomeTag outcome;
  std::uint64_t body_bytes;
};

class RecordingObserver final : public ServerObserver {
 public:
  std::function<void(const Exchange&)> on_exchange;  ///< on the loop that served it; set before the server starts

  void OnExchange(const Exchange& exchange) override {
    if (on_exchange) on_exchange(exchange);
    const std::lock_guard lock(mutex_);
    seen_.push_back({std::string(exchange.method), std::string(exchange.path), exchange.status, exchange.ending,
                     exchange.outcome, exchange.body_bytes});
    more_.notify_all();
  }
  /// The exchanges, once there are `count`.
  std::vector<Seen> Wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    more_.wait_for(lock, 10s, [&] { return seen_.size() >= count; });
    return seen_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<Seen> seen_;
};

/// Responders that a test answers when it likes, from its own thread.
class Kept {
 public:
  void Put(Responder responder) {
    const std::lock_guard lock(mutex_);
    responders_.push_back(std::move(responder));
    more_.notify_all();
  }
  std::vector<Responder> Take(std::size_t count) {
    std::unique_lock lock(mutex_);
    more_.wait_for(lock, 10s, [&] { return responders_.size() >= count; });
    return std::exchange(responders_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable more_;
  std::vector<Responder> responders_;
};

inline std::string Post(std::string_view body, std::string_view lines = "", std::string_view path = "/hook") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(lines) + "\r\n" + std::string(body);
}

inline bool WaitUntil(const std::function<bool()>& condition) {
  for (const auto deadline = steady_clock::now() + 10s; steady_clock::now() < deadline;) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

class ServerTest : public testing::Test {
 protected:
  ServerTest() { settings.listen = "127.0.0.1:0"; }
  Server& Start() {
    server.emplace(settings, handler, &observer);
    for (auto& [fd, callback] : watches) server->Watch(fd, callback);
    const auto started = server->Start();
    EXPECT_TRUE(started) << started.error().detail;
    return *server;
  }

  ServerSettings settings;
  TestHandler handler;
  RecordingObserver observer;
  std::map<int, std::function<void()>> watches;
  std::optional<Server> server;
};

}  // namespace keystrand::http
