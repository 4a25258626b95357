#include <algorithm>

#include "tests/unit/common/http/server_fixture.h"

namespace keystrand::http {
namespace {

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

TEST_F(ServerTest, ServesOthersWhileManyExpireTogether) {
  constexpr std::size_t kExpiring = 200;
  constexpr std::ptrdiff_t kTurn = 64;
  settings.header_timeout = 1s;
  std::optional<Client> good;
  std::once_flag asked;
  observer.on_exchange = [&](const Exchange& exchange) {
    if (exchange.ending == Ending::kTimedOut) std::call_once(asked, [&] { good->Send(Post("x")); });
  };
  const std::uint16_t port = Start().port();
  std::vector<std::unique_ptr<Client>> slow;
  for (std::size_t i = 0; i < kExpiring; ++i) slow.push_back(std::make_unique<Client>(port));
  for (const auto& client : slow) client->Send("P");
  good.emplace(port);
  good->Send(Post("x"));  // from here on it may be idle for long
  const auto seen = observer.Wait(kExpiring + 2);
  ASSERT_EQ(seen.size(), kExpiring + 2);
  const auto good_one = [](const Seen& each) { return each.status == 200; };
  const auto expired = std::find_if_not(seen.begin(), seen.end(), good_one);
  const auto answered = std::find_if(expired, seen.end(), good_one);
  ASSERT_NE(answered, seen.end());
  EXPECT_LT(answered - expired, kTurn) << "answered after so many had expired";
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
  EXPECT_EQ(server->Stats().Hits(Bound::kConnections), 1u);
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

TEST_F(ServerTest, ShedsABodyWhoseLengthAloneIsOverTheBytesInFlight) {
  settings.bytes_in_flight_max = 100'000;
  Client client(Start().port());
  client.Send("POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n");
  const Answer shed = client.Receive();
  EXPECT_EQ(shed.status, 503);
  EXPECT_TRUE(client.WaitForClose());
  EXPECT_EQ(server->Stats().Hits(Bound::kBytesInFlight), 1u);
}

TEST_F(ServerTest, ShedsRequestsOverTheBoundAndKeepsTheirConnections) {
  settings.requests_in_flight_max = 1;
  Kept kept;
  handler.on_request = [&](const Request&, Responder responder) { kept.Put(std::move(responder)); };
  const std::uint16_t port = Start().port();
  Client first(port);
  first.Send(Post("x"));
  auto responders = kept.Take(1);
  ASSERT_EQ(responders.size(), 1u);
  Client second(port);
  second.Send(Post("y"));
  const Answer shed = second.Receive();
  EXPECT_EQ(shed.status, 503);
  EXPECT_TRUE(shed.Has("Retry-After: 1"));
  EXPECT_EQ(server->Stats().Hits(Bound::kRequestsInFlight), 1u);
  Client hopeless(port);
  hopeless.Send("POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n");
  EXPECT_EQ(hopeless.Receive().status, 413) << "a 503 would have it sent again and again";
  responders[0].Send(Response(200, "text/plain", "done"));
  EXPECT_EQ(first.Receive().body, "done");
  second.Send(Post("z"));
  auto later = kept.Take(1);
  ASSERT_EQ(later.size(), 1u);
  later[0].Send(Response(200, "text/plain", "served"));
  EXPECT_EQ(second.Receive().body, "served");
}

TEST_F(ServerTest, TurnsConnectionsOfAnAddressOverItsBoundAway) {
  settings.connections_per_address_max = 2;
  const std::uint16_t port = Start().port();
  Client first(port);
  {
    Client second(port);
    second.Send(Post("x"));
    EXPECT_EQ(second.Receive().status, 200);
    Client third(port);
    const Answer refused = third.Receive();
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.body, R"({"error":"too_many_connections"})");
    EXPECT_TRUE(refused.Has("Retry-After: 1"));
  }
  EXPECT_TRUE(WaitUntil([&] { return server->Stats().connections == 1; }));
  Client fourth(port);
  fourth.Send(Post("x"));
  EXPECT_EQ(fourth.Receive().status, 200);
  EXPECT_EQ(server->Stats().Hits(Bound::kConnectionsPerAddress), 1u);
}

TEST_F(ServerTest, CountsEachBoundThatIsMet) {
  settings.body_bytes_max = 100;
  settings.requests_per_connection_max = 2;
  settings.idle_timeout = 100ms;
  settings.header_timeout = 1s;  // long enough for a busy machine to hear the other refusals first
  settings.body_timeout = 1s;
  settings.answer_timeout = 100ms;
  std::atomic<bool> answering = true;
  Kept kept;
  handler.on_request = [&](Request request, Responder responder) {
    if (!answering) return kept.Put(std::move(responder));
    responder.Send(Response(200, "text/plain", std::move(request.body)));
  };
  const std::uint16_t port = Start().port();
  const auto after = [&](const std::string& bytes) {
    Client client(port);
    client.Send(bytes);
    return client.Receive().status;
  };
  EXPECT_EQ(after(Post(std::string(101, 'x'))), 413);
  EXPECT_EQ(after("GET /" + std::string(2048, 'x') + " HTTP/1.1\r\n"), 414);
  EXPECT_EQ(after("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(4096, 'x')), 431);
  EXPECT_EQ(after("GET / HT"), 408);
  EXPECT_EQ(after("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na"), 408);
  Client client(port);
  client.Send(Post("a"));
  EXPECT_EQ(client.Receive().status, 200);
  EXPECT_TRUE(client.WaitForClose());  // idle
  EXPECT_EQ(after(Post("a") + Post("b")), 200);
  answering = false;
  EXPECT_EQ(after(Post("a")), 503);
  for (const Bound bound : {Bound::kBodyBytes, Bound::kTargetBytes, Bound::kHeadBytes, Bound::kHeaderTime,
                            Bound::kBodyTime, Bound::kIdleTime, Bound::kRequestsPerConnection, Bound::kAnswerTime}) {
    EXPECT_TRUE(WaitUntil([&] { return server->Stats().Hits(bound) >= 1; })) << static_cast<int>(bound);
  }
  EXPECT_EQ(server->Stats().Hits(Bound::kWriteTime), 0u);
  EXPECT_EQ(server->Stats().Hits(Bound::kConnections), 0u);
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
  EXPECT_TRUE(WaitUntil([&] { return server->Stats().Hits(Bound::kDescriptors) >= 3; }));
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
