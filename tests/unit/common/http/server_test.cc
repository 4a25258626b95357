#include "tests/unit/common/http/server_fixture.h"

namespace keystrand::http {
namespace {

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

TEST_F(ServerTest, AnswersForAHandlerThatDropsItsResponder) {
  handler.on_request = [](const Request&, const Responder&) {};
  Client client(Start().port());
  client.Send(Post("x"));
  EXPECT_EQ(client.Receive().status, 500);
  EXPECT_EQ(observer.Wait(1).at(0).ending, Ending::kDropped);
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

}  // namespace
}  // namespace keystrand::http
