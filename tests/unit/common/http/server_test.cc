#include "common/http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "client.h"

namespace keystrand::http {
namespace {

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
  void OnExchange(const Exchange& exchange) override {
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

std::string Post(std::string_view body, std::string_view lines = "", std::string_view path = "/hook") {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(lines) + "\r\n" + std::string(body);
}

bool WaitUntil(const std::function<bool()>& condition) {
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

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  Client client(Start().port());
  for (const char* body : {"first", "second"}) {
    client.Send(Post(body));
    const Answer answer = client.Receive();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, body);
    EXPECT_FALSE(answer.Has("Connection: close"));
    EXPECT_THAT(answer.head, testing::ContainsRegex("X-Request-Id: [0-9a-f]{32}\r\n"));
    EXPECT_THAT(answer.head, testing::ContainsRegex("Date: ..., .. ... .... ..:..:.. GMT\r\n"));
  }
  EXPECT_EQ(server->Stats().connections_accepted, 1u);
}

TEST_F(ServerTest, GivesEachRequestItsOwnId) {
  std::vector<std::string> ids;
  handler.on_request = [&](const Request& request, Responder responder) {
    ids.emplace_back(request.request_id);
    responder.Send(Response(200, "text/plain", ""));
  };
  Client client(Start().port());
  client.Send(Post("a") + Post("b"));
  const Answer first = client.Receive();
  const Answer second = client.Receive();
  ASSERT_EQ(ids.size(), 2u);
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_TRUE(first.Has("X-Request-Id: " + ids[0]));
  EXPECT_TRUE(second.Has("X-Request-Id: " + ids[1]));
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  Kept kept;
  handler.on_request = [&](Request request, Responder responder) {
    if (request.body == "slow") return kept.Put(std::move(responder));
    responder.Send(Response(200, "text/plain", std::move(request.body)));
  };
  Client client(Start().port());
  client.Send(Post("slow") + Post("b") + Post("c"));
  auto slow = kept.Take(1);
  ASSERT_EQ(slow.size(), 1u);
  slow[0].Send(Response(200, "text/plain", "a"));
  for (const char* body : {"a", "b", "c"}) EXPECT_EQ(client.Receive().body, body);
}

TEST_F(ServerTest, AnswersAFloodOfPipelinedRequestsWithoutRecursion) {
  settings.requests_per_connection_max = 1'000'000;
  std::set<std::uintptr_t> frames;
  handler.on_request = [&](const Request& request, Responder responder) {
    frames.insert(reinterpret_cast<std::uintptr_t>(&request));
    responder.Send(Response(200, "text/plain", ""));
  };
  Client client(Start().port());
  std::string flood;
  for (int i = 0; i < 5'000; ++i) flood += Post("x");
  std::thread sender([&] { client.Send(flood); });
  int answered = 0;
  while (answered < 5'000 && client.Receive().status == 200) ++answered;
  sender.join();
  EXPECT_EQ(answered, 5'000);
  server->Stop();
  EXPECT_LT(*frames.rbegin() - *frames.begin(), 4'096u) << "the stack grows with the requests of one read";
}

TEST_F(ServerTest, RefusesGarbageAfterAGoodRequestAndCloses) {
  Client client(Start().port());
  client.Send(Post("good") + "garbage\r\n\r\n" + Post("never read"));
  EXPECT_EQ(client.Receive().status, 200);
  const Answer refused = client.Receive();
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.body, R"({"error":"bad_request"})");
  EXPECT_TRUE(refused.Has("Connection: close"));
  EXPECT_TRUE(client.WaitForClose());
  const auto seen = observer.Wait(2);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[1].ending, Ending::kRefusedHead);
}

TEST_F(ServerTest, TakesABodyInAnyPieces) {
  Client client(Start().port());
  std::string body;
  for (int i = 0; i < 100'000; ++i) body += static_cast<char>(i * 31);
  const std::string bytes = Post(body);
  for (const std::size_t piece : {1u, 7u, 60u, 16'384u, 40'000u}) {
    std::string_view left = bytes;
    for (; left.size() > 60'000; left.remove_prefix(std::min<std::size_t>(piece, left.size()))) {
      if (bytes.size() - left.size() > 200 * piece) break;
      client.Send(left.substr(0, piece));
    }
    client.Send(left);
    EXPECT_EQ(client.Receive().body, body) << "in pieces of " << piece;
  }
}

TEST_F(ServerTest, TakesABodyOfExactlyTheLimitAndRefusesOneByteMore) {
  settings.body_bytes_max = 1024 * 1024;
  const std::uint16_t port = Start().port();
  Client client(port);
  client.Send(Post(std::string(1024 * 1024, 'x')));
  EXPECT_EQ(client.Receive().body.size(), 1024u * 1024u);
  Client larger(port);
  larger.Send(Post(std::string(1024 * 1024 + 1, 'x')));
  const Answer refused = larger.Receive();
  EXPECT_EQ(refused.status, 413);
  EXPECT_TRUE(refused.Has("Connection: close"));
  EXPECT_TRUE(larger.WaitForClose());
}

TEST_F(ServerTest, RefusesADeclaredGiantWithoutWaitingForIt) {
  Client client(Start().port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10737418240\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 413);
}

TEST_F(ServerTest, LetsARefusedPeerFinishItsSentence) {
  Client client(Start().port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8388608\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 413);
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(client.Send(std::string(64 * 1024, 'x'))) << "reset after " << i;
}

TEST_F(ServerTest, EndsARefusedPeersSentenceWhenItIsTooLong) {
  settings.linger_bytes_max = 1'000'000;
  Client client(Start().port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10737418240\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 413);
  const std::string piece(64 * 1024, 'x');
  int sent = 0;
  while (sent < 10'000 && client.Send(piece)) ++sent;
  EXPECT_LT(sent, 1'000);
}

TEST_F(ServerTest, ReservesNoMemoryForABodyThatDoesNotCome) {
  Client client(Start().port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\nabc");
  ASSERT_TRUE(WaitUntil([&] { return server->Stats().requests_in_flight == 1; }));
  EXPECT_LE(server->Stats().bytes_in_flight, 64u * 1024u);
}

TEST_F(ServerTest, AnswersExpectContinueBeforeTheBody) {
  Client client(Start().port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 100);
  client.Send("ab");
  EXPECT_EQ(client.Receive().body, "ab");
}

TEST_F(ServerTest, RefusesATooLargeBodyInsteadOfContinuing) {
  Client client(Start().port());
  client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.Receive().status, 413);
}

TEST_F(ServerTest, RefusesAHeadThatComesTooSlowly) {
  settings.header_timeout = 100ms;
  Client client(Start().port());
  client.Send("POST / HT");
  EXPECT_EQ(client.Receive().status, 408);
  EXPECT_TRUE(client.WaitForClose());
  EXPECT_EQ(observer.Wait(1).at(0).ending, Ending::kTimedOut);
}

TEST_F(ServerTest, DoesNotExtendTheHeadersDeadlineForEachByte) {
  settings.header_timeout = 200ms;
  Client client(Start().port());
  client.Send("POST /");
  std::thread dripping([&] {
    while (client.Send("a")) std::this_thread::sleep_for(20ms);
  });
  EXPECT_EQ(client.Receive().status, 408);
  dripping.join();
}

TEST_F(ServerTest, RefusesABodyThatComesTooSlowly) {
  settings.body_timeout = 100ms;
  Client client(Start().port());
  client.Send("POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nab");
  EXPECT_EQ(client.Receive().status, 408);
  EXPECT_TRUE(client.WaitForClose());
  const Seen seen = observer.Wait(1).at(0);
  EXPECT_EQ(seen.path, "/hook");
  EXPECT_EQ(seen.body_bytes, 2u);
}

TEST_F(ServerTest, ClosesAnIdleConnectionWithoutAWord) {
  settings.idle_timeout = 100ms;
  Client client(Start().port());
  client.Send(Post("x"));
  EXPECT_EQ(client.Receive().status, 200);
  EXPECT_TRUE(client.WaitForClose());
  EXPECT_EQ(observer.Wait(1).size(), 1u);
}

TEST_F(ServerTest, ClosesAConnectionThatNeverSpeaks) {
  settings.header_timeout = 100ms;
  Client client(Start().port());
  EXPECT_TRUE(client.WaitForClose());
}

TEST_F(ServerTest, AnswersAPeerThatHasFinishedSending) {
  Kept kept;
  handler.on_request = [&](Request request, Responder responder) {
    if (request.body != "ping") return kept.Put(std::move(responder));
    responder.Send(Response(200, "text/plain", "pong"));
  };
  Client client(Start().port());
  client.Send(Post("a") + Post("b"));
  client.FinishSending();
  Client other(server->port());  // its answer means that the loop has seen the end of what the first one sends
  other.Send(Post("ping"));
  EXPECT_EQ(other.Receive().body, "pong");
  for (const char* body : {"a", "b"}) {
    auto responders = kept.Take(1);
    ASSERT_EQ(responders.size(), 1u);
    responders[0].Send(Response(200, "text/plain", body));
    EXPECT_EQ(client.Receive().body, body);
  }
  EXPECT_TRUE(client.WaitForClose());
}

TEST_F(ServerTest, ClosesWithoutAnAnswerWhenTheBodyEndsEarly) {
  Client client(Start().port());
  client.Send("POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + std::string(50, 'x'));
  client.FinishSending();
  EXPECT_TRUE(client.WaitForClose());
  const Seen seen = observer.Wait(1).at(0);
  EXPECT_EQ(seen.status, 499);
  EXPECT_EQ(seen.ending, Ending::kPeerGone);
}

TEST_F(ServerTest, NoticesAPeerThatResetsWhileItsRequestIsHandled) {
  Kept kept;
  handler.on_request = [&](const Request&, Responder responder) { kept.Put(std::move(responder)); };
  Client client(Start().port());
  client.Send(Post("x"));
  auto responders = kept.Take(1);
  ASSERT_EQ(responders.size(), 1u);
  client.Reset();
  EXPECT_EQ(observer.Wait(1).at(0).ending, Ending::kPeerGone);
  responders[0].Send(Response(200, "text/plain", "too late"));
  EXPECT_TRUE(WaitUntil([&] { return server->Stats().connections == 0; }));
  EXPECT_EQ(server->Stats().requests_in_flight, 0u);
  EXPECT_EQ(observer.Wait(1).size(), 1u);
}

TEST_F(ServerTest, AnswersForAHandlerThatDropsItsResponder) {
  handler.on_request = [](const Request&, const Responder&) {};
  Client client(Start().port());
  client.Send(Post("x"));
  EXPECT_EQ(client.Receive().status, 500);
  EXPECT_EQ(observer.Wait(1).at(0).ending, Ending::kDropped);
}

TEST_F(ServerTest, AnswersForAHandlerThatIsTooSlow) {
  settings.answer_timeout = 50ms;
  Kept kept;
  handler.on_request = [&](const Request&, Responder responder) { kept.Put(std::move(responder)); };
  Client client(Start().port());
  client.Send(Post("x"));
  const Answer answer = client.Receive();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, R"({"error":"late"})");
  const Seen seen = observer.Wait(1).at(0);
  EXPECT_EQ(seen.ending, Ending::kAnswerTimeout);
  EXPECT_EQ(seen.outcome, 9u);
}

TEST_F(ServerTest, TakesALateAnswerForNoOtherRequest) {
  settings.answer_timeout = 1s;
  Kept kept;
  handler.on_request = [&](const Request&, Responder responder) { kept.Put(std::move(responder)); };
  Client client(Start().port());
  client.Send(Post("first"));
  auto first = kept.Take(1);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(client.Receive().status, 503);
  client.Send(Post("second"));
  auto second = kept.Take(1);
  ASSERT_EQ(second.size(), 1u);
  first[0].Send(Response(200, "text/plain", "of the first"));
  second[0].Send(Response(200, "text/plain", "of the second"));
  EXPECT_EQ(client.Receive().body, "of the second");
}

TEST_F(ServerTest, RefusesByTheHeadAloneAndPassesOverABodyThatIsHere) {
  Client client(Start().port());
  client.Send(Post("{\"a\":1}", "", "/refused") + Post("next"));
  const Answer refused = client.Receive();
  EXPECT_EQ(refused.status, 404);
  EXPECT_FALSE(refused.Has("Connection: close"));
  EXPECT_EQ(client.Receive().body, "next");
  EXPECT_EQ(observer.Wait(2).at(0).outcome, 7);
}

TEST_F(ServerTest, ClosesAfterRefusingARequestWhoseBodyIsNotHere) {
  Client client(Start().port());
  client.Send("POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n");
  EXPECT_TRUE(client.Receive().Has("Connection: close"));
  EXPECT_TRUE(client.WaitForClose());
}

TEST_F(ServerTest, AnswersHeadWithoutABody) {
  Client client(Start().port());
  client.Send("HEAD /refused HTTP/1.1\r\nHost: x\r\n\r\n");
  client.FinishSending();
  EXPECT_EQ(client.Receive(500ms).status, 0);  // the client waits for as many bytes as Content-Length says
}

TEST_F(ServerTest, EndsAConnectionAfterItsShareOfRequests) {
  settings.requests_per_connection_max = 3;
  Client client(Start().port());
  client.Send(Post("1") + Post("2") + Post("3") + Post("4"));
  EXPECT_FALSE(client.Receive().Has("Connection: close"));
  EXPECT_FALSE(client.Receive().Has("Connection: close"));
  EXPECT_TRUE(client.Receive().Has("Connection: close"));
  EXPECT_TRUE(client.WaitForClose());
  EXPECT_EQ(observer.Wait(3).size(), 3u);
}

TEST_F(ServerTest, ClosesWhenTheClientAsksForIt) {
  Client client(Start().port());
  client.Send(Post("x", "Connection: close\r\n"));
  EXPECT_TRUE(client.Receive().Has("Connection: close"));
  EXPECT_TRUE(client.WaitForClose());
}

TEST_F(ServerTest, ClosesAPeerThatDoesNotReadItsAnswer) {
  settings.write_timeout = 100ms;
  handler.on_request = [](const Request&, Responder responder) {
    responder.Send(Response(200, "text/plain", std::string(32 * 1024 * 1024, 'x')));
  };
  Client client(Start().port());
  client.Send(Post("x"));
  EXPECT_EQ(observer.Wait(1).at(0).ending, Ending::kPeerGone);
  EXPECT_TRUE(WaitUntil([&] { return server->Stats().connections == 0; }));
}

TEST_F(ServerTest, WritesALongAnswerToASlowReader) {
  handler.on_request = [](const Request&, Responder responder) {
    responder.Send(Response(200, "text/plain", std::string(32 * 1024 * 1024, 'x')));
  };
  Client client(Start().port());
  client.Send(Post("x"));
  EXPECT_EQ(client.Receive().body.size(), 32u * 1024u * 1024u);
}

TEST_F(ServerTest, TurnsConnectionsOverTheBoundAway) {
  settings.connections_max = 1;
  const std::uint16_t port = Start().port();
  Client first(port);
  first.Send(Post("x"));
  EXPECT_EQ(first.Receive().status, 200);
  Client second(port);
  const Answer refused = second.Receive();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.body, R"({"error":"overloaded"})");
  EXPECT_TRUE(refused.Has("Retry-After: 1"));
  EXPECT_EQ(server->Stats().connections_refused, 1u);
}

TEST_F(ServerTest, ShedsBodiesOverTheBytesInFlight) {
  settings.bytes_in_flight_max = 100'000;
  Kept kept;
  handler.on_request = [&](const Request&, Responder responder) { kept.Put(std::move(responder)); };
  const std::uint16_t port = Start().port();
  Client first(port);
  first.Send(Post(std::string(90'000, 'x')));
  auto responders = kept.Take(1);
  ASSERT_EQ(responders.size(), 1u);
  Client second(port);
  second.Send(Post(std::string(20'000, 'x')));
  const Answer shed = second.Receive();
  EXPECT_EQ(shed.status, 503);
  EXPECT_TRUE(shed.Has("Retry-After: 1"));
  responders[0].Send(Response(200, "text/plain", ""));
  EXPECT_EQ(first.Receive().status, 200);
  EXPECT_TRUE(WaitUntil([&] { return server->Stats().bytes_in_flight == 0; }));
  EXPECT_EQ(observer.Wait(2).at(0).ending, Ending::kOverloaded);
}

TEST_F(ServerTest, SpreadsConnectionsEvenlyOverItsLoops) {
  settings.threads = 4;
  std::mutex mutex;
  std::map<std::thread::id, int> by_thread;
  handler.on_request = [&](const Request&, Responder responder) {
    {
      const std::lock_guard lock(mutex);
      ++by_thread[std::this_thread::get_id()];
    }
    responder.Send(Response(200, "text/plain", ""));
  };
  const std::uint16_t port = Start().port();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 16; ++i) clients.push_back(std::make_unique<Client>(port));
  for (const auto& client : clients) client->Send(Post("x"));
  for (const auto& client : clients) EXPECT_EQ(client->Receive().status, 200);
  ASSERT_EQ(by_thread.size(), 4u);
  for (const auto& [thread, count] : by_thread) EXPECT_EQ(count, 4);
}

TEST_F(ServerTest, AnswersFromAWatchCallbackToConnectionsOfAllLoops) {
  settings.threads = 3;
  const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  Kept kept;
  handler.on_request = [&](const Request&, Responder responder) {
    kept.Put(std::move(responder));
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(fd, &one, sizeof one), 8);
  };
  watches[fd] = [&] {
    std::uint64_t count = 0;
    EXPECT_EQ(::read(fd, &count, sizeof count), 8);
    for (Responder& responder : kept.Take(0)) responder.Send(Response(200, "text/plain", "delivered"));
  };
  const std::uint16_t port = Start().port();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 30; ++i) clients.push_back(std::make_unique<Client>(port));
  for (int round = 0; round < 20; ++round) {
    for (const auto& client : clients) client->Send(Post("x"));
    for (const auto& client : clients) ASSERT_EQ(client->Receive().body, "delivered");
  }
  server.reset();
  EXPECT_EQ(::close(fd), 0);  // the descriptor was still ours
}

TEST_F(ServerTest, AnswersFromManyThreadsAtOnce) {
  settings.threads = 2;
  std::vector<std::thread> threads;
  std::mutex mutex;
  handler.on_request = [&](Request request, Responder responder) {
    const std::lock_guard lock(mutex);
    threads.emplace_back([body = std::move(request.body), owned = std::move(responder)]() mutable {
      owned.Send(Response(200, "text/plain", std::move(body)));
    });
  };
  const std::uint16_t port = Start().port();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(std::make_unique<Client>(port));
  for (int i = 0; i < 50; ++i) clients[static_cast<std::size_t>(i)]->Send(Post(std::to_string(i)));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(clients[static_cast<std::size_t>(i)]->Receive().body, std::to_string(i));
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ServerTest, RunsAPeriodicCallback) {
  server.emplace(settings, handler, &observer);
  std::atomic<int> calls = 0;
  server->Every(5ms, [&] { ++calls; });
  ASSERT_TRUE(server->Start());
  EXPECT_TRUE(WaitUntil([&] { return calls >= 3; }));
  server->Stop();
}

TEST_F(ServerTest, BacksOffWhenDescriptorsRunOut) {
  const std::uint16_t port = Start().port();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = ::dup(0);
  ::close(next);
  const rlimit starved{static_cast<rlim_t>(next) + 1, before.rlim_max};  // one more: the client's
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &starved), 0);
  const auto begun = steady_clock::now();
  Client client(port);
  EXPECT_TRUE(WaitUntil([&] { return server->Stats().accept_errors >= 3; }));
  EXPECT_GE(steady_clock::now() - begun, 150ms) << "it spins";
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  client.Send(Post("x"));
  EXPECT_EQ(client.Receive(1s).status, 200);
}

TEST_F(ServerTest, ReportsATakenPort) {
  settings.listen = "127.0.0.1:" + std::to_string(Start().port());
  Server second(settings, handler, nullptr);
  const auto started = second.Start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(started.error().detail, settings.listen + ": the port is taken");
}

TEST_F(ServerTest, SharesAPortWhenAskedTo) {
  settings.reuse_port = true;
  settings.listen = "127.0.0.1:" + std::to_string(Start().port());
  Server second(settings, handler, nullptr);
  EXPECT_TRUE(second.Start());
}

TEST_F(ServerTest, ReportsAnUnusableAddress) {
  for (const char* listen : {"", "8080", ":8080", "nonsense:8080", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:80x"}) {
    settings.listen = listen;
    Server refused(settings, handler, nullptr);
    const auto started = refused.Start();
    ASSERT_FALSE(started) << listen;
    EXPECT_EQ(started.error().code, ErrorCode::kRejected) << listen;
  }
}

TEST_F(ServerTest, ListensOnIpv6) {
  settings.listen = "[::1]:0";
  Start();
  EXPECT_NE(server->port(), 0);
}

TEST_F(ServerTest, FinishesWhatIsInFlightWhenItDrains) {
  Kept kept;
  handler.on_request = [&](const Request&, Responder responder) { kept.Put(std::move(responder)); };
  const std::uint16_t port = Start().port();
  Client busy(port);
  busy.Send(Post("x"));
  auto responders = kept.Take(1);
  ASSERT_EQ(responders.size(), 1u);
  server->StopAccepting();
  EXPECT_TRUE(WaitUntil([&] { return Client(port).WaitForClose(100ms); })) << "new connections are still taken";
  EXPECT_FALSE(server->Drain(50ms));
  responders[0].Send(Response(200, "text/plain", "done"));
  const Answer answer = busy.Receive();
  EXPECT_EQ(answer.body, "done");
  EXPECT_TRUE(answer.Has("Connection: close"));
  EXPECT_TRUE(busy.WaitForClose());
  EXPECT_TRUE(server->Drain(10s));
}

TEST_F(ServerTest, ClosesIdleConnectionsWhenItDrains) {
  Client idle(Start().port());
  idle.Send(Post("x"));
  EXPECT_EQ(idle.Receive().status, 200);
  server->StopAccepting();
  EXPECT_TRUE(server->Drain(10s));
  EXPECT_TRUE(idle.WaitForClose());
}

TEST_F(ServerTest, LetsRespondersOutliveIt) {
  settings.threads = 2;
  Kept kept;
  handler.on_request = [&](const Request&, Responder responder) { kept.Put(std::move(responder)); };
  const std::uint16_t port = Start().port();
  Client one(port);
  Client other(port);
  one.Send(Post("x"));
  auto responders = kept.Take(1);
  other.Send(Post("x"));
  for (Responder& responder : kept.Take(1)) responders.push_back(std::move(responder));
  ASSERT_EQ(responders.size(), 2u);
  server.reset();
  EXPECT_EQ(observer.Wait(2).at(0).ending, Ending::kStopped);
  responders[0].Send(Response(200, "text/plain", ""));
  responders.clear();  // the other one is dropped
  EXPECT_TRUE(one.WaitForClose());
}

TEST_F(ServerTest, TellsThatItsLoopsTurn) {
  Start();
  EXPECT_TRUE(WaitUntil([&] { return server->LongestSilence() < 300ms; }));
  handler.on_request = [](const Request&, Responder responder) {
    std::this_thread::sleep_for(400ms);
    responder.Send(Response(200, "text/plain", ""));
  };
  Client client(server->port());
  client.Send(Post("x"));
  EXPECT_TRUE(WaitUntil([&] { return server->LongestSilence() > 300ms; }));
}

}  // namespace
}  // namespace keystrand::http
