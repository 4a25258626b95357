#include "common/http/client_address.h"

#include "common/http/address_bound.h"
#include "common/http/forwarded_for.h"
#include "common/http/networks.h"
#include "common/http/proxy_header.h"
#include "tests/unit/common/http/server_fixture.h"

namespace keystrand::http {
namespace {

using boost::asio::ip::make_address;

std::string ProxyHeaderOf(std::string_view command_family, std::string_view rest) {
  std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
  header += command_family;
  header += static_cast<char>(rest.size() >> 8);
  header += static_cast<char>(rest.size() & 0xFF);
  return header.append(rest);
}

const std::string kIpv4 = ProxyHeaderOf("\x21\x11", {"\xcb\0\x71\x07\x7f\0\0\x01\x1f\x90\x01\xbb", 12});
const std::string kIpv6 = ProxyHeaderOf(
    "\x21\x21", "\x20\x01\x0d\xb8" + std::string(11, '\0') + "\x01" + std::string(16, 'd') + "\x1f\x90hh");
const std::string kLocal = ProxyHeaderOf({"\x20\0", 2}, "");

TEST(ProxyHeaderTest, ReadsTheClientsAddress) {
  EXPECT_EQ(ReadProxyHeader(kIpv4).client, make_address("203.0.113.7"));
  EXPECT_EQ(ReadProxyHeader(kIpv6).client, make_address("2001:db8::1"));
}

TEST(ProxyHeaderTest, PassesOverTheProxysOwnFields) {
  const std::string addresses("\xcb\0\x71\x07\x7f\0\0\x01\x1f\x90\x01\xbb", 12);
  const auto header = ReadProxyHeader(ProxyHeaderOf("\x21\x11", addresses + std::string("\x04\0\x03xyz", 6)));
  EXPECT_EQ(header.state, ProxyHeader::State::kComplete);
  EXPECT_EQ(header.client, make_address("203.0.113.7"));
}

TEST(ProxyHeaderTest, LetsTheProxySpeakForItself) {
  const auto header = ReadProxyHeader(kLocal);
  EXPECT_EQ(header.state, ProxyHeader::State::kComplete);
  EXPECT_FALSE(header.client);
}

TEST(ProxyHeaderTest, AsksForExactlyTheBytesThatAreMissing) {
  for (const std::string& whole : {kIpv4, kIpv6, kLocal}) {
    std::string seen;
    while (seen.size() < whole.size()) {
      const auto header = ReadProxyHeader(seen);
      ASSERT_EQ(header.state, ProxyHeader::State::kIncomplete) << seen.size();
      ASSERT_GT(header.bytes_missing, 0u);
      ASSERT_LE(seen.size() + header.bytes_missing, whole.size());
      seen += whole[seen.size()];
    }
    EXPECT_EQ(ReadProxyHeader(whole).state, ProxyHeader::State::kComplete);
  }
}

TEST(ProxyHeaderTest, RefusesEverythingElse) {
  const std::string addresses(12, 'a');
  for (const std::string& bytes : {
           std::string("GET / HTTP/1.1\r\n"), std::string("PROXY TCP4 203.0.113.7 127.0.0.1 1 2\r\n"),
           std::string("\x16\x03\x01"), ProxyHeaderOf("\x11\x11", addresses),  // version 1
           ProxyHeaderOf("\x22\x11", addresses),                               // no such command
           ProxyHeaderOf("\x21\x12", addresses),                               // UDP
           ProxyHeaderOf("\x21\x31", std::string(216, 'a')),                   // a Unix socket
           ProxyHeaderOf("\x21\x11", std::string(11, 'a')),                    // too short for its family
           ProxyHeaderOf("\x21\x11", std::string(5000, 'a')),                  // longer than any proxy's
       }) {
    EXPECT_EQ(ReadProxyHeader(bytes).state, ProxyHeader::State::kRefused) << testing::PrintToString(bytes);
  }
}

TEST(NetworksTest, ContainsAddressesAndBlocks) {
  const auto networks = Networks::Parse({"10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1"});
  ASSERT_TRUE(networks);
  for (const char* inside : {"10.1.2.3", "192.0.2.1", "::ffff:10.1.2.3", "2001:db8:ffff::1", "::1"}) {
    EXPECT_TRUE(networks->Contains(make_address(inside))) << inside;
  }
  for (const char* outside : {"11.0.0.1", "192.0.2.2", "2001:db9::1", "::2", "127.0.0.1"}) {
    EXPECT_FALSE(networks->Contains(make_address(outside))) << outside;
  }
}

TEST(NetworksTest, NamesWhatItCannotUse) {
  for (const char* block : {"10.0.0.0/33", "proxy.internal", "", "10.0.0", "::1/129"}) {
    const auto checked = CheckNetworks({"127.0.0.1", block});
    ASSERT_FALSE(checked) << block;
    EXPECT_TRUE(checked.error().detail.starts_with(std::string(block) + ": ")) << checked.error().detail;
  }
}

TEST(AddressBoundTest, CountsByAddressAndByIpv6Network) {
  AddressBound bound(1);
  const auto four = bound.Enter(make_address("192.0.2.1"));
  const auto six = bound.Enter(make_address("2001:db8::1"));
  EXPECT_TRUE(four && six);
  EXPECT_FALSE(bound.Enter(make_address("192.0.2.1")));
  EXPECT_FALSE(bound.Enter(make_address("::ffff:192.0.2.1")));
  EXPECT_FALSE(bound.Enter(make_address("2001:db8::ffff")));
  EXPECT_TRUE(bound.Enter(make_address("192.0.2.2")));
  EXPECT_TRUE(bound.Enter(make_address("2001:db8:0:1::1")));
}

TEST(AddressBoundTest, GivesAPlaceBackOnce) {
  AddressBound bound(1);
  {
    auto place = bound.Enter(make_address("192.0.2.1"));
    const auto moved = std::move(place);
    EXPECT_FALSE(bound.Enter(make_address("192.0.2.1")));
  }
  const auto again = bound.Enter(make_address("192.0.2.1"));
  EXPECT_TRUE(again);
  EXPECT_FALSE(bound.Enter(make_address("192.0.2.1")));
}

struct ForwardedCase {
  std::vector<std::string_view> values;
  std::optional<std::string> client;
};

TEST(ForwardedForTest, BelievesTheLastAddressThatNoTrustedProxyHas) {
  const auto trusted = Networks::Parse({"10.0.0.0/8"});
  const std::vector<ForwardedCase> cases{
      {{"203.0.113.7"}, "203.0.113.7"},
      {{"198.51.100.1, 203.0.113.7"}, "203.0.113.7"},  // the first was written by the client
      {{"203.0.113.7, 10.1.1.1 ,\t10.2.2.2"}, "203.0.113.7"},
      {{"203.0.113.7", "10.1.1.1"}, "203.0.113.7"},
      {{"2001:db8::1"}, "2001:db8::1"},
      {{}, std::nullopt},
      {{"10.1.1.1"}, std::nullopt},
      {{"203.0.113.7, unknown"}, std::nullopt},
      {{"203.0.113.7,"}, std::nullopt},
  };
  for (const auto& [values, client] : cases) {
    RequestHead head;
    for (const auto value : values) head.field_storage[head.field_count++] = {"x-forwarded-for", value};
    EXPECT_EQ(ForwardedFor(head, *trusted), client) << testing::PrintToString(values);
  }
}

class ClientAddressTest : public ServerTest {
 protected:
  /// The peer that the handler was told.
  std::string PeerOf(Client& client, std::string_view lines = "") {
    handler.on_request = [&](const Request& request, Responder responder) {
      responder.Send(Response(200, "text/plain", std::string(request.peer)));
    };
    client.Send(Post("x", lines));
    return client.Receive().body;
  }
};

TEST_F(ClientAddressTest, IsTheConnectionsUnlessToldOtherwise) {
  Client client(Start().port());
  EXPECT_EQ(PeerOf(client, "X-Forwarded-For: 203.0.113.7\r\n"), "127.0.0.1");
}

TEST_F(ClientAddressTest, ComesFromTheFieldOfATrustedProxy) {
  settings.client_address = {ClientAddressSource::kForwardedFor, {"127.0.0.0/8"}};
  Client client(Start().port());
  EXPECT_EQ(PeerOf(client, "X-Forwarded-For: 203.0.113.7\r\n"), "203.0.113.7");
  EXPECT_EQ(PeerOf(client), "127.0.0.1");
}

TEST_F(ClientAddressTest, IgnoresTheFieldOfAnybodyElse) {
  settings.client_address = {ClientAddressSource::kForwardedFor, {"192.0.2.1"}};
  Client client(Start().port());
  EXPECT_EQ(PeerOf(client, "X-Forwarded-For: 203.0.113.7\r\n"), "127.0.0.1");
}

TEST_F(ClientAddressTest, ComesFromTheProxyProtocol) {
  settings.client_address = {ClientAddressSource::kProxyProtocol, {"127.0.0.1"}};
  Start();
  Client four(server->port());
  four.Send(kIpv4);
  EXPECT_EQ(PeerOf(four), "203.0.113.7");
  Client checking(server->port());
  checking.Send(kLocal);
  EXPECT_EQ(PeerOf(checking), "127.0.0.1");
}

TEST_F(ClientAddressTest, TakesAProxyHeaderThatComesInPieces) {
  settings.client_address = {ClientAddressSource::kProxyProtocol, {"127.0.0.1"}};
  Client client(Start().port());
  for (const char byte : kIpv6) client.Send(std::string_view(&byte, 1));
  EXPECT_EQ(PeerOf(client), "2001:db8::1");
}

TEST_F(ClientAddressTest, ServesNobodyWithoutAProxyHeader) {
  settings.client_address = {ClientAddressSource::kProxyProtocol, {"127.0.0.1"}};
  Client client(Start().port());
  client.Send(Post("x"));
  EXPECT_EQ(client.Receive().status, 0);
  EXPECT_TRUE(WaitUntil([&] { return server->Stats().proxy_headers_refused == 1; }));
  EXPECT_TRUE(observer.Wait(0).empty());
}

TEST_F(ClientAddressTest, ServesNobodyThatIsNoTrustedProxy) {
  settings.client_address = {ClientAddressSource::kProxyProtocol, {"192.0.2.1"}};
  Client client(Start().port());
  client.Send(kIpv4 + Post("x"));
  EXPECT_EQ(client.Receive().status, 0);
  EXPECT_EQ(server->Stats().proxy_headers_refused, 1u);
}

TEST_F(ClientAddressTest, BoundsConnectionsByTheAddressThatTheProxyNames) {
  settings.client_address = {ClientAddressSource::kProxyProtocol, {"127.0.0.1"}};
  settings.connections_per_address_max = 1;
  Start();
  Client first(server->port());
  first.Send(kIpv4);
  EXPECT_EQ(PeerOf(first), "203.0.113.7");
  Client second(server->port());
  second.Send(kIpv4);
  EXPECT_EQ(second.Receive().status, 429);
  Client other(server->port());
  other.Send(kIpv6);
  EXPECT_EQ(PeerOf(other), "2001:db8::1");
}

TEST_F(ClientAddressTest, RefusesToStartWithATrustedProxyThatIsNoAddress) {
  settings.client_address = {ClientAddressSource::kProxyProtocol, {"proxy.internal"}};
  Server refused(settings, handler, nullptr);
  const auto started = refused.Start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().detail.find("proxy.internal"), std::string::npos);
}

}  // namespace
}  // namespace keystrand::http
