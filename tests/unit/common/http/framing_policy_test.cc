#include "common/http/framing_policy.h"

#include <gtest/gtest.h>

#include <string>

namespace keystrand::http {
namespace {

constexpr int kAccepted = 200;
constexpr int kMore = 0;

std::string Fields(std::string_view lines) {
  return "POST /webhooks/stripe HTTP/1.1\r\n" + std::string(lines) + "\r\n";
}
/// A good head with `lines` beside what every request needs.
std::string With(std::string_view lines) { return Fields("Host: x\r\nContent-Length: 2\r\n" + std::string(lines)); }
std::string RequestLine(std::string_view line) {
  return std::string(line) + "\r\nHost: x\r\nContent-Length: 2\r\n\r\n";
}

int Judge(std::string_view bytes, RequestHead& head) {
  const HeadVerdict verdict = JudgeHead(bytes, HeadLimits{}, head);
  switch (verdict.state) {
    case HeadState::kIncomplete: return kMore;
    case HeadState::kAccepted: return kAccepted;
    case HeadState::kRefused: return verdict.status;
  }
  return -1;
}
int Judge(std::string_view bytes) {
  RequestHead head;
  return Judge(bytes, head);
}

struct Case {
  const char* name;
  std::string bytes;
  int expected;
};
std::string NameOfCase(const testing::TestParamInfo<Case>& info) { return info.param.name; }

class FramingPolicy : public testing::TestWithParam<Case> {};

TEST_P(FramingPolicy, Judges) { EXPECT_EQ(Judge(GetParam().bytes), GetParam().expected); }

const Case kRequestLines[] = {
    {"AcceptsPost", RequestLine("POST /webhooks/stripe HTTP/1.1"), kAccepted},
    {"AcceptsAQuery", RequestLine("POST /webhooks/stripe?version=2 HTTP/1.1"), kAccepted},
    {"AcceptsAnyMethodToken", RequestLine("post / HTTP/1.1"), kAccepted},
    {"AcceptsHttp10", RequestLine("POST / HTTP/1.0"), kAccepted},
    {"AcceptsHttp10WithoutHost", "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\n", kAccepted},
    {"AcceptsAnAbsoluteTarget", RequestLine("POST http://other/ HTTP/1.1"), kAccepted},
    {"AcceptsATargetOf2048Bytes", RequestLine("POST /" + std::string(2047, 'a') + " HTTP/1.1"), kAccepted},
    {"RefusesATargetOf2049Bytes", RequestLine("POST /" + std::string(2048, 'a') + " HTTP/1.1"), 414},
    {"RefusesALongTargetBeforeItsEnd", "POST /" + std::string(2048, 'a'), 414},
    {"RefusesAControlByteInTheTarget", RequestLine("POST /a\x01 HTTP/1.1"), 400},
    {"RefusesASpaceInTheTarget", RequestLine("POST /a b HTTP/1.1"), 400},
    {"RefusesABytePast127InTheTarget", RequestLine("POST /\xC3\xA9 HTTP/1.1"), 400},
    {"RefusesADeleteByteInTheTarget", RequestLine("POST /\x7F HTTP/1.1"), 400},
    {"RefusesAnEmptyTarget", RequestLine("POST  HTTP/1.1"), 400},
    {"RefusesHttp12", RequestLine("POST / HTTP/1.2"), 400},
    {"RefusesHttp2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
    {"RefusesLowerCaseVersion", RequestLine("POST / http/1.1"), 400},
    {"RefusesHttp09", "GET /\r\n\r\n", 400},
    {"RefusesASpaceAfterTheVersion", RequestLine("POST / HTTP/1.1 "), 400},
    {"RefusesALeadingCrlf", "\r\n" + With(""), 400},
    {"RefusesALeadingSpace", " " + With(""), 400},
    {"RefusesATabForASpace", RequestLine("POST\t/ HTTP/1.1"), 400},
    {"RefusesAnOverlongMethod", std::string(33, 'A'), 400},
    {"RefusesTlsBytes", std::string("\x16\x03\x01\x02\x00\x01", 6), 400},
    {"RefusesAnSshBanner", "SSH-2.0-OpenSSH_9.2\r\n", 400},
    {"RefusesAProxyLine", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", 400},
    {"RefusesBareLfLines", "POST / HTTP/1.1\nHost: x\nContent-Length: 2\n\n", 400},
};
INSTANTIATE_TEST_SUITE_P(RequestLine, FramingPolicy, testing::ValuesIn(kRequestLines), NameOfCase);

std::string ManyFields(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) lines += "X: y\r\n";
  return lines;
}
/// Field lines of exactly `bytes`, in four fields, Host and Content-Length among them.
std::string Block(std::size_t bytes) {
  std::string lines = "Host: x\r\nContent-Length: 2\r\n";
  const std::size_t left = bytes - lines.size();
  const std::size_t first = left / 2;
  const std::size_t second = left - first;
  for (const std::size_t size : {first, second}) lines += "A: " + std::string(size - 5, 'b') + "\r\n";
  return lines;
}

const Case kFieldSyntax[] = {
    {"AcceptsTabsAndObsoleteText", With("X: a\tb\xE4\r\n"), kAccepted},
    {"AcceptsAnEmptyValue", With("X:\r\n"), kAccepted},
    {"AcceptsABlockOf8KiB", Fields(Block(8192)), kAccepted},
    {"WaitsForTheEmptyLineAfterABlockOf8KiB", "POST / HTTP/1.1\r\n" + Block(8192), kMore},
    {"RefusesABlockOver8KiB", Fields(Block(8193)), 431},
    {"RefusesALongBlockBeforeItsEnd", "POST / HTTP/1.1\r\n" + Block(8192) + "X", 431},
    {"Accepts64Fields", With(ManyFields(62)), kAccepted},
    {"Refuses65Fields", With(ManyFields(63)), 431},
    {"AcceptsAFieldOf4KiB", With("X: " + std::string(4093, 'a') + "\r\n"), kAccepted},
    {"RefusesAFieldOver4KiB", With("X: " + std::string(4094, 'a') + "\r\n"), 431},
    {"RefusesALongValueBeforeItsEnd", "POST / HTTP/1.1\r\nX: " + std::string(4094, 'a'), 431},
    {"RefusesALongNameBeforeItsEnd", "POST / HTTP/1.1\r\n" + std::string(4097, 'a'), 431},
    {"RefusesALongNameWithoutAColon", "POST / HTTP/1.1\r\n" + std::string(4097, 'a') + "\r\n", 431},
    {"RefusesASpaceBeforeTheColon", With("X : y\r\n"), 400},
    {"RefusesAnEmptyName", With(": y\r\n"), 400},
    {"RefusesASpacedName", With("X Y: z\r\n"), 400},
    {"RefusesALineWithoutAColon", With("XY\r\n"), 400},
    {"RefusesAFoldedLine", With("X: y\r\n z\r\n"), 400},
    {"RefusesALineFoldedByTab", With("X: y\r\n\tz\r\n"), 400},
    {"RefusesANulInAValue", With(std::string("X: a\0b\r\n", 8)), 400},
    {"RefusesANulInAName", With(std::string("X\0: b\r\n", 7)), 400},
    {"RefusesABareCr", With("X: a\rb\r\n"), 400},
    {"RefusesABareLf", With("X: a\nY: b\r\n"), 400},
    {"RefusesADeleteByte", With("X: \x7F\r\n"), 400},
    {"RefusesABareCrAtTheEnd", "POST / HTTP/1.1\r\nHost: x\r\n\rX", 400},
};
INSTANTIATE_TEST_SUITE_P(Fields, FramingPolicy, testing::ValuesIn(kFieldSyntax), NameOfCase);

std::string Length(std::string_view value) {
  return Fields("Host: x\r\nContent-Length: " + std::string(value) + "\r\n");
}
std::string Chunked(std::string_view value, std::string_view more = "") {
  return Fields("Host: x\r\nTransfer-Encoding: " + std::string(value) + "\r\n" + std::string(more));
}

const Case kFraming[] = {
    {"RefusesAMissingHost", Fields("Content-Length: 2\r\n"), 400},
    {"RefusesTwoHosts", With("Host: x\r\n"), 400},
    {"RefusesTwoHostsInHttp10", "POST / HTTP/1.0\r\nHost: x\r\nHost: x\r\nContent-Length: 2\r\n\r\n", 400},
    {"RefusesAnEmptyHost", Fields("Host:\r\nContent-Length: 2\r\n"), 400},
    {"RefusesAListOfHosts", Fields("Host: a, b\r\nContent-Length: 2\r\n"), 400},
    {"AcceptsAnIpv6Host", Fields("Host: [::1]:8080\r\nContent-Length: 2\r\n"), kAccepted},
    {"RefusesPostWithoutLength", Fields("Host: x\r\n"), 411},
    {"AcceptsGetWithoutLength", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", kAccepted},
    {"AcceptsLengthZero", Length("0"), kAccepted},
    {"AcceptsTheLargestLength", Length("18446744073709551615"), kAccepted},
    {"RefusesASignedLength", Length("+2"), 400},
    {"RefusesANegativeLength", Length("-1"), 400},
    {"RefusesAHexLength", Length("0x2"), 400},
    {"RefusesAnEmptyLength", Length(""), 400},
    {"RefusesALengthOf2To64", Length("18446744073709551616"), 400},
    {"RefusesAListOfLengths", Length("2, 2"), 400},
    {"RefusesAFractionalLength", Length("2.0"), 400},
    {"RefusesTwoEqualLengths", With("Content-Length: 2\r\n"), 400},
    {"RefusesTwoDifferentLengths", With("content-length: 3\r\n"), 400},
    {"RefusesChunkedAlone", Chunked("chunked"), 411},
    {"RefusesChunkedWithLength", Chunked("chunked", "Content-Length: 2\r\n"), 400},
    {"RefusesChunkedInHttp10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    {"RefusesGzipCoding", Chunked("gzip"), 400},
    {"RefusesChunkedThenGzip", Chunked("chunked, gzip"), 400},
    {"RefusesXchunked", Chunked("xchunked"), 400},
    {"RefusesIdentityWithLength", Chunked("identity", "Content-Length: 2\r\n"), 400},
    {"RefusesChunkedTwice", Chunked("chunked", "Transfer-Encoding: chunked\r\n"), 400},
    {"RefusesChunkedTwiceInOneField", Chunked("chunked, chunked"), 400},
    {"RefusesAnEmptyCoding", Chunked(""), 400},
    {"RefusesChunkedOnGet", "GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411},
    {"AcceptsExpectContinue", With("Expect: 100-Continue\r\n"), kAccepted},
    {"RefusesAnotherExpectation", With("Expect: 200-ok\r\n"), 417},
    {"RefusesAnEncodedBody", With("Content-Encoding: gzip\r\n"), 415},
    {"AcceptsIdentityEncoding", With("Content-Encoding: identity\r\n"), kAccepted},
    {"AcceptsAnUpgradeAndIgnoresIt", With("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"), kAccepted},
    {"AcceptsAnyContentType", With("Content-Type: text/plain\r\n"), kAccepted},
};
INSTANTIATE_TEST_SUITE_P(Framing, FramingPolicy, testing::ValuesIn(kFraming), NameOfCase);

TEST(FramingPolicyHead, AsksForMoreAtEveryPrefixOfAGoodHead) {
  const std::string good = With("Stripe-Signature: t=1,v1=ab\r\nExpect: 100-continue\r\nConnection: close\r\n");
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_EQ(Judge(good.substr(0, size)), kMore) << "prefix of " << size << " bytes";
  }
  EXPECT_EQ(Judge(good), kAccepted);
}

TEST(FramingPolicyHead, NeverAsksForMoreThanItsLimitsAllow) {
  const std::string endless[] = {
      std::string(20'000, 'A'),
      "POST /" + std::string(20'000, 'a'),
      "POST / HTTP/1.1\r\nX: " + std::string(20'000, 'a'),
      "POST / HTTP/1.1\r\n" + ManyFields(20'000),
  };
  for (const std::string& bytes : endless) {
    EXPECT_NE(Judge(std::string_view(bytes).substr(0, HeadBytesMax(HeadLimits{}))), kMore) << bytes.substr(0, 24);
  }
}

TEST(FramingPolicyHead, UsesTheHeadAndLeavesTheBody) {
  const std::string bytes = With("");
  RequestHead head;
  EXPECT_EQ(JudgeHead(bytes + "{}", HeadLimits{}, head).head_bytes, bytes.size());
}

TEST(FramingPolicyHead, GivesViewsIntoTheBytes) {
  const std::string bytes =
      "POST /hook?a=b?c HTTP/1.1\r\nHost: x\r\nX-Pad: \t v \t\r\nx-pad: w\r\ncontent-LENGTH: 2\r\n\r\n{}";
  RequestHead head;
  ASSERT_EQ(Judge(bytes, head), kAccepted);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.target, "/hook?a=b?c");
  EXPECT_EQ(head.path, "/hook");
  EXPECT_EQ(head.content_length, 2u);
  EXPECT_EQ(head.fields().size(), 4u);
  EXPECT_EQ(head.Value("X-PAD"), "v");
  EXPECT_EQ(head.Count("X-Pad"), 2u);
  EXPECT_EQ(head.Count("X_Pad"), 0u);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.expects_continue);
}

TEST(FramingPolicyHead, KeepsTheConnectionAsTheClientAsks) {
  const auto keep_alive = [](const std::string& bytes) {
    RequestHead head;
    EXPECT_EQ(Judge(bytes, head), kAccepted);
    return head.keep_alive;
  };
  EXPECT_TRUE(keep_alive(With("Connection: keep-alive\r\n")));
  EXPECT_FALSE(keep_alive(With("Connection: Close\r\n")));
  EXPECT_FALSE(keep_alive(With("Connection: x ,\tclose\r\n")));
  EXPECT_FALSE(keep_alive(With("Connection: x\r\nConnection: close\r\n")));
  EXPECT_FALSE(keep_alive(RequestLine("POST / HTTP/1.0")));
}

TEST(FramingPolicyHead, NamesMethodAndPathOfARefusedHead) {
  const std::string bytes = With("Content-Length: 2\r\n");
  RequestHead head;
  ASSERT_EQ(Judge(bytes, head), 400);
  EXPECT_EQ(head.method, "POST");
  EXPECT_EQ(head.path, "/webhooks/stripe");
}

}  // namespace
}  // namespace keystrand::http
