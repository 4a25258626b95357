#include "common/http/tls.h"

#include <fstream>

#include "tests/unit/common/http/server_fixture.h"
#include "tests/unit/common/http/test_certificate.h"
#include "tests/unit/common/http/tls_client.h"

namespace keystrand::http {
namespace {

using std::chrono::system_clock;

class TlsTest : public ServerTest {
 protected:
  /// Writes a certificate's two files; returns their settings.
  TlsSettings Files(const TestCertificate& made, const std::string& name = "server") {
    const std::string stem = testing::TempDir() + "/tls-" + std::to_string(::getpid()) + "-" + name;
    std::ofstream(stem + ".crt") << made.certificate;
    std::ofstream(stem + ".key") << made.key;
    return {stem + ".crt", stem + ".key", {}};
  }
  std::shared_ptr<const TlsContext> ContextFor(const std::string& name, std::vector<std::string> served = {}) {
    TlsSettings files = Files(MakeTestCertificate(name), name);
    files.server_names = std::move(served);
    const auto context = TlsContext::Load(files, system_clock::now());
    EXPECT_TRUE(context) << context.error().detail;
    return *context;
  }
  std::uint16_t StartTls(const std::string& name = "hooks.test", std::vector<std::string> served = {}) {
    server.emplace(settings, handler, &observer);
    server->SetTls(ContextFor(name, std::move(served)));
    EXPECT_TRUE(server->Start());
    return server->port();
  }
  static std::string Body(TlsClient& client, std::string_view body) {
    client.Send(Post(body));
    const std::string answer = client.ReceiveUntil([&](std::string_view seen) { return seen.ends_with(body); });
    return answer.substr(std::min(answer.size(), answer.find("\r\n\r\n") + 4));
  }
};

TEST_F(TlsTest, ServesRequestsInBothVersions) {
  const std::uint16_t port = StartTls();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(port, {.version_max = version, .version_min = version});
    ASSERT_TRUE(client.connected()) << client.failure();
    EXPECT_EQ(client.version(), version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3");
    EXPECT_EQ(Body(client, "one"), "one");
    EXPECT_EQ(Body(client, "two"), "two");
  }
  EXPECT_EQ(server->Stats().handshakes_completed, 2u);
}

TEST_F(TlsTest, CarriesBodiesOfManyRecordsAndPipelinedRequests) {
  const std::uint16_t port = StartTls();
  TlsClient client(port);
  const std::string large(700'000, 'x');
  client.Send(Post(large) + Post("second") + Post("third"));
  const std::string answers = client.ReceiveUntil([](std::string_view seen) { return seen.ends_with("third"); });
  EXPECT_NE(answers.find(large), std::string::npos);
  EXPECT_NE(answers.find("\r\n\r\nsecond"), std::string::npos);
}

TEST_F(TlsTest, RefusesOldVersionsWithAnAlert) {
  const std::uint16_t port = StartTls();
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    TlsClient client(port, {.version_max = version, .version_min = version});
    EXPECT_FALSE(client.connected());
    EXPECT_NE(client.failure().find("protocol version"), std::string::npos) << client.failure();
  }
  EXPECT_TRUE(WaitUntil([&] { return server->Stats().handshakes_failed == 2; }));
}

TEST_F(TlsTest, AnswersHttpInClearWithNothingButAClose) {
  const std::uint16_t port = StartTls();
  Client client(port);
  client.Send(Post("x"));
  const Answer answer = client.Receive(2s);
  EXPECT_EQ(answer.status, 0);
  EXPECT_TRUE(observer.Wait(0).empty());
}

TEST_F(TlsTest, ServesOnlyTheNamesItIsToldTo) {
  const std::uint16_t port = StartTls("hooks.test", {"hooks.test"});
  EXPECT_TRUE(TlsClient(port, {.server_name = "HOOKS.test"}).connected());
  TlsClient other(port, {.server_name = "other.test"});
  EXPECT_NE(other.failure().find("unrecognized name"), std::string::npos) << other.failure();
  TlsClient nameless(port);
  EXPECT_NE(nameless.failure().find("unrecognized name"), std::string::npos) << nameless.failure();
}

TEST_F(TlsTest, SpeaksHttp11OrNothing) {
  const std::uint16_t port = StartTls();
  TlsClient both(port, {.alpn = "\x02h2\x08http/1.1"});
  ASSERT_TRUE(both.connected()) << both.failure();
  EXPECT_EQ(both.protocol(), "http/1.1");
  TlsClient only_h2(port, {.alpn = "\x02h2"});
  EXPECT_NE(only_h2.failure().find("no application protocol"), std::string::npos) << only_h2.failure();
}

TEST_F(TlsTest, GivesAHandshakeABoundedTime) {
  settings.handshake_timeout = 100ms;
  Client silent(StartTls());
  EXPECT_TRUE(silent.WaitForClose());
  EXPECT_EQ(server->Stats().Hits(Bound::kHandshakeTime), 1u);
}

TEST_F(TlsTest, TakesANewCertificateForNewConnectionsAndDropsNone) {
  const std::uint16_t port = StartTls("old.test");
  TlsClient before(port);
  ASSERT_TRUE(before.connected());
  server->SetTls(ContextFor("new.test"));
  TlsClient after(port);
  EXPECT_EQ(before.server_common_name(), "old.test");
  EXPECT_EQ(after.server_common_name(), "new.test");
  EXPECT_EQ(Body(before, "still served"), "still served");
}

TEST_F(TlsTest, ClosesOverTheBoundOfAnAddressBeforeTheHandshake) {
  settings.connections_per_address_max = 2;
  const std::uint16_t port = StartTls();
  TlsClient first(port);
  TlsClient second(port);
  ASSERT_TRUE(first.connected() && second.connected());
  EXPECT_FALSE(TlsClient(port).connected());
  EXPECT_TRUE(TlsClient(port, {.from = "127.0.0.2"}).connected());
  EXPECT_EQ(server->Stats().Hits(Bound::kConnectionsPerAddress), 1u);
}

TEST_F(TlsTest, TakesTheClientsAddressFromTheProxyBeforeTheHandshake) {
  settings.client_address = {ClientAddressSource::kProxyProtocol, {"127.0.0.1"}};
  std::string peer;
  handler.on_request = [&](Request request, Responder responder) {
    peer = request.peer;
    responder.Send(Response(200, "text/plain", std::move(request.body)));
  };
  const std::uint16_t port = StartTls();
  const std::string header("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x07\x7f\0\0\x01\x1f\x90\x01\xbb", 28);
  TlsClient client(port, {.send_first = header});
  ASSERT_TRUE(client.connected()) << client.failure();
  EXPECT_EQ(Body(client, "x"), "x");
  EXPECT_EQ(peer, "203.0.113.7");
}

TEST_F(TlsTest, OutlivesAPeerThatGoesBeforeItsAnswer) {
  const std::uint16_t port = StartTls();
  Kept kept;
  handler.on_request = [&](const Request&, Responder responder) { kept.Put(std::move(responder)); };
  for (std::size_t i = 1; i <= 20; ++i) {
    auto client = std::make_unique<TlsClient>(  // in 1.3 an unread session ticket would make a reset of the close
        port, TlsClient::Options{.version_max = TLS1_2_VERSION});
    client->Send(Post("x"));
    auto responders = kept.Take(1);
    ASSERT_EQ(responders.size(), 1u);
    client.reset();  // a FIN; the answer meets a reset, and what follows of it a broken pipe
    responders[0].Send(Response(200, "text/plain", std::string(16'000'000, 'x')));
    observer.Wait(i);
  }
  EXPECT_EQ(observer.Wait(20).size(), 20u);
}

TEST_F(TlsTest, RefusesFilesThatDoNotBelongTogether) {
  const TlsSettings one = Files(MakeTestCertificate("one.test"), "one");
  const TlsSettings two = Files(MakeTestCertificate("two.test"), "two");
  const auto mixed = TlsContext::Load({one.certificate_file, two.key_file, {}}, system_clock::now());
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().detail, two.key_file + ": is not the key of " + one.certificate_file);
}

TEST_F(TlsTest, RefusesAnExpiredCertificateAndTellsWhenAGoodOneExpires) {
  const auto expired = TlsContext::Load(Files(MakeTestCertificate("old.test", -60s)), system_clock::now());
  ASSERT_FALSE(expired);
  EXPECT_NE(expired.error().detail.find("has expired"), std::string::npos);
  const auto good = TlsContext::Load(Files(MakeTestCertificate("new.test", 3600s)), system_clock::now());
  ASSERT_TRUE(good);
  EXPECT_NEAR(static_cast<double>(((*good)->not_after() - system_clock::now()) / 1s), 3600, 30);
}

TEST_F(TlsTest, RefusesFilesThatAreNotThereOrNotPem) {
  TlsSettings files = Files(MakeTestCertificate("x.test"));
  const auto missing = TlsContext::Load({"/no/such.crt", files.key_file, {}}, system_clock::now());
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().detail.starts_with("/no/such.crt: ")) << missing.error().detail;
  std::ofstream(files.key_file) << "no key";
  const auto broken = TlsContext::Load(files, system_clock::now());
  ASSERT_FALSE(broken);
  EXPECT_TRUE(broken.error().detail.starts_with(files.key_file + ": ")) << broken.error().detail;
}

}  // namespace
}  // namespace keystrand::http
