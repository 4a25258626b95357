#include <gtest/gtest.h>

#include <ctime>
#include <random>

#include "common/stripe/envelope.h"
#include "stripe_data.h"

/// Authentic or not, any bytes may arrive: each either gives an event or one error, at bounded cost.
namespace keystrand::stripe {
namespace {

std::string Repeated(std::string_view text, std::size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

std::string CustomerWith(std::string_view members) {
  return EventAround("customer.updated", std::string(R"({"id":"cus_1","object":"customer",)").append(members) + "}");
}

std::string Nested(std::size_t levels) {  // the event, data, the customer are three of them
  return CustomerWith("\"deep\":" + Repeated("[", levels - 3) + Repeated("]", levels - 3));
}

const std::string kGood = CustomerWith(R"("name":"Jenny")");

struct Case {
  std::string name;
  std::string body;
};
void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }
std::string NameOfCase(const testing::TestParamInfo<Case>& test) { return test.param.name; }

std::string Utf16(const std::string& text) {
  std::string wide = "\xFF\xFE";
  for (const char c : text) wide.append({c, '\0'});
  return wide;
}

const Case kMalformed[] = {
    {"Nothing", ""},
    {"Blanks", " \n\t "},
    {"EmptyObject", "{}"},
    {"Array", R"([{"id":"evt_1","type":"ping","livemode":false}])"},
    {"String", R"("evt_1")"},
    {"Number", "7"},
    {"NullLiteral", "null"},
    {"Truncated", kGood.substr(0, kGood.size() - 1)},
    {"TrailingText", kGood + "x"},
    {"TrailingObject", kGood + "{}"},
    {"TrailingNul", kGood + std::string(1, '\0')},
    {"TextAfterNul", kGood + std::string("\0garbage", 8)},
    {"NulBetweenTokens", std::string("{\0", 2) + kGood.substr(1)},
    {"RawNulInString", CustomerWith(std::string("\"name\":\"a\0b\"", 12))},
    {"RawControlInString", CustomerWith("\"name\":\"a\nb\"")},
    {"ByteOrderMark", "\xEF\xBB\xBF" + kGood},
    {"BlockComment", "/* */" + kGood},
    {"LineComment", kGood + "// end"},
    {"NotANumber", CustomerWith("\"balance\":NaN")},
    {"Infinite", CustomerWith("\"balance\":Infinity")},
    {"LeadingZero", CustomerWith("\"balance\":01")},
    {"LeadingPlus", CustomerWith("\"balance\":+1")},
    {"BareMinus", CustomerWith("\"balance\":-")},
    {"NoFraction", CustomerWith("\"balance\":1.")},
    {"HugeWithoutFraction", CustomerWith("\"balance\":" + Repeated("9", 400) + ".")},
    {"HugeWithLeadingZero", CustomerWith("\"balance\":0" + Repeated("9", 400))},
    {"HugeAndThenBroken", CustomerWith("\"balance\":1e400,\"name\":")},
    {"HugeAgainstANumber", CustomerWith("\"a\":1e400,\"b\":-9-9e5")},
    {"HugeWithTwoExponents", CustomerWith("\"a\":1e400e5")},
    {"HugeAndThenNoExponent", CustomerWith("\"a\":1e400,\"b\":1e+")},
    {"NoExponent", CustomerWith("\"balance\":1e")},
    {"TrailingComma", CustomerWith("\"a\":1,")},
    {"SingleQuotes", "{'id':'evt_1','type':'ping','livemode':false}"},
    {"WideText", Utf16(kGood)},
    {"SixtyFiveLevels", Nested(65)},
    {"OpenBrackets", Repeated("[", 200000)},
    {"MillionBrackets", Repeated("[", 1000000)},
    {"MillionBracketsInPlace", CustomerWith("\"deep\":" + Repeated("[", 1000000))},
    {"MillionObjects", Repeated("{\"a\":", 1000000)},
    {"TwentySevenByteExponent", "[1.00000000001e-2147483638]"},
    {"ContinuationByteAlone", CustomerWith("\"name\":\"\x80\"")},
    {"TruncatedSequence", CustomerWith("\"name\":\"\xE2\x82\"")},
    {"OverlongSlash", CustomerWith("\"name\":\"\xC0\xAF\"")},
    {"OverlongThreeBytes", CustomerWith("\"name\":\"\xE0\x80\xAF\"")},
    {"SurrogateInUtf8", CustomerWith("\"name\":\"\xED\xA0\x80\"")},
    {"BeyondUnicode", CustomerWith("\"name\":\"\xF4\x90\x80\x80\"")},
    {"BrokenKey", CustomerWith("\"\xFF\":1")},
    {"BrokenOutsideStrings", kGood + "\xC2\xA0"},
    {"LoneHighSurrogate", CustomerWith(R"("name":"\ud83d")")},
    {"LoneLowSurrogate", CustomerWith(R"("name":"\ude00")")},
    {"LoneLowSurrogateInKey", CustomerWith(R"("\udc00":1)")},
    {"SurrogatesInReverse", CustomerWith(R"("name":"\ude00\ud83d")")},
    {"BadEscape", CustomerWith(R"("name":"\x41")")},
    {"ShortEscape", CustomerWith(R"("name":"\u00")")},
    {"IdMissing", R"({"type":"ping","livemode":false})"},
    {"IdNumber", R"({"id":1,"type":"ping","livemode":false})"},
    {"IdNull", R"({"id":null,"type":"ping","livemode":false})"},
    {"IdEmpty", R"({"id":"","type":"ping","livemode":false})"},
    {"IdTooLong", R"({"id":")" + Repeated("e", 256) + R"(","type":"ping","livemode":false})"},
    {"IdNotAscii", R"({"id":"evt_ä","type":"ping","livemode":false})"},
    {"IdWithSlash", R"({"id":"evt/1","type":"ping","livemode":false})"},
    {"IdWithNewline", R"({"id":"evt\n1","type":"ping","livemode":false})"},
    {"IdWithNul", R"({"id":"evt\u00001","type":"ping","livemode":false})"},
    {"IdTwice", R"({"id":"evt_1","type":"ping","livemode":false,"id":"evt_2"})"},
    {"IdTwiceInDisguise", R"({"id":"evt_1","type":"ping","livemode":false,"\u0069d":"evt_2"})"},
    {"IdTwiceOnceNull", R"({"id":null,"type":"ping","livemode":false,"id":"evt_2"})"},
    {"TypeMissing", R"({"id":"evt_1","livemode":false})"},
    {"TypeTwice", R"({"id":"evt_1","type":"ping","livemode":false,"type":"pong"})"},
    {"TypeWithSlash", R"({"id":"evt_1","type":"a/b","livemode":false})"},
    {"LivemodeMissing", R"({"id":"evt_1","type":"ping"})"},
    {"LivemodeString", R"({"id":"evt_1","type":"ping","livemode":"false"})"},
    {"LivemodeNumber", R"({"id":"evt_1","type":"ping","livemode":0})"},
    {"LivemodeTwice", R"({"id":"evt_1","type":"ping","livemode":false,"livemode":true})"},
    {"AccountNumber", R"({"id":"evt_1","type":"ping","livemode":false,"account":5})"},
    {"AccountEmpty", R"({"id":"evt_1","type":"ping","livemode":false,"account":""})"},
    {"AccountWithSlash", R"({"id":"evt_1","type":"ping","livemode":false,"account":"acct/1"})"},
    {"AccountTwice", R"({"id":"evt_1","type":"ping","livemode":false,"account":"a","account":"b"})"},
    {"ContextObject", R"({"id":"evt_1","type":"ping","livemode":false,"context":{}})"},
    {"ContextAccountNotAscii", R"({"id":"evt_1","type":"ping","livemode":false,"context":"acct_é"})"},
    {"CustomerWithSlash", EventAround("x", R"({"id":"in_1","customer":"cus/1"})")},
    {"CustomerTooLong", EventAround("x", R"({"customer":")" + Repeated("c", 256) + "\"}")},
    {"CustomerTwice", EventAround("x", R"({"customer":"cus_1","customer":"cus_2"})")},
    {"ExpandedCustomerIdTwice", EventAround("x", R"({"customer":{"id":"cus_1","id":"cus_2"}})")},
    {"ExpandedCustomerIdTwiceFirstEmpty", EventAround("x", R"({"customer":{"id":"","id":"cus_2"}})")},
    {"ExpandedCustomerIdTwiceFirstANumber", EventAround("x", R"({"customer":{"id":7,"id":"cus_2"}})")},
    {"ExpandedCustomerIdTwiceThenNull", EventAround("x", R"({"customer":{"id":null,"id":null}})")},
    {"ObjectIdWithSlashAsKey", EventAround("x", R"({"id":"plan/gold"})")},
    {"DataTwice", R"({"id":"evt_1","type":"x","livemode":false,"data":{},"data":{}})"},
};

class MalformedBodyTest : public testing::TestWithParam<Case> {};

TEST_P(MalformedBodyTest, IsRefusedInAShortLineWithoutItsText) {
  const auto event = ParseEnvelope(GetParam().body, "");
  ASSERT_FALSE(event) << event->ordering_key;
  EXPECT_EQ(event.error().code, ErrorCode::kMalformed);
  EXPECT_LT(event.error().detail.size(), 120U);
  EXPECT_GT(event.error().detail.size(), 5U);
  EXPECT_EQ(event.error().detail.find("evt_"), std::string::npos) << event.error().detail;
}

INSTANTIATE_TEST_SUITE_P(Stripe, MalformedBodyTest, testing::ValuesIn(kMalformed), NameOfCase);

TEST(HostileBodyTest, SaysWhatIsWrong) {
  const auto fault = [](std::string_view body) {
    const auto event = ParseEnvelope(body, "");
    return event ? "nothing" : event.error().detail;
  };
  EXPECT_EQ(fault("[]"), "the body is not a JSON object");
  EXPECT_EQ(fault(R"({"id":"evt_1","id":"evt_1"})"), "id is repeated");
  EXPECT_EQ(fault(EventAround("x", R"({"customer":1,"customer":2})")), "data.object.customer is repeated");
  EXPECT_EQ(fault(R"({"id":7})"), "id is not a string");
  EXPECT_EQ(fault(R"({"id":"evt_1"})"), "type is missing");
  EXPECT_EQ(fault(Nested(65)), "nested deeper than 64 levels at byte " + std::to_string(Nested(65).find('[') + 61));
  EXPECT_EQ(fault("{\"\xFF\":1}"), "a control character, or no UTF-8, at byte 2");
  EXPECT_EQ(fault(EventAround("x", R"({"customer":"cus/1"})")),
            "the id for the ordering key is not 1 to 255 bytes of printable ASCII without a slash");
}

const Case kReadable[] = {
    {"SixtyFourLevels", Nested(64)},
    {"ExponentBeyondDouble", CustomerWith("\"balance\":1e400")},
    {"NegativeExponentBeyondDouble", CustomerWith("\"balance\":-1E+400,\"text\":\"1e400 \\\" 1e400\"")},
    {"HugeNumberBeforeAllElse",
     EventAround("customer.updated", R"({"id":"cus_1","object":"customer"})", R"("big":{"deep":[1e400]},)")},
    {"TinyExponent", CustomerWith("\"balance\":1.00000000001e-2147483638")},
    {"EndlessExponent", CustomerWith("\"balance\":1e" + Repeated("9", 1000))},
    {"FourHundredDigits", CustomerWith("\"balance\":" + Repeated("9", 400))},
    {"FourHundredDigitsAndAFraction", CustomerWith("\"balance\":-" + Repeated("9", 400) + "." + Repeated("1", 400))},
    {"NulEscape", CustomerWith(R"("name":"a\u0000b")")},
    {"SurrogatePair", CustomerWith(R"("name":"\ud83d\ude00")")},
    {"Emoji", CustomerWith("\"name\":\"\xF0\x9F\x98\x80\"")},
    {"KoreanNextToTheSurrogates", CustomerWith("\"name\":\"\xED\x9F\xBF \\u0041 \\ud7ff\"")},
    {"Injections", CustomerWith(R"("name":"'; DROP TABLE x; -- $(rm -rf /) \r\n{\"level\":\"info\"} \u001b[31m")")},
    {"LongestId", R"({"id":")" + Repeated("e", 255) + R"(","type":"t","livemode":false,"data":{"object":)" +
                      R"({"id":"cus_1","object":"customer"}}})"},
    {"BlanksAround", " \r\n\t" + kGood + " \r\n\t"},
    {"SameNamesElsewhere", CustomerWith(R"("metadata":{"id":"1","id":"2","customer":"3"},"x":[{"id":1},{"id":2}])")},
};

class ReadableBodyTest : public testing::TestWithParam<Case> {};

TEST_P(ReadableBodyTest, KeepsItsKey) {
  const auto event = ParseEnvelope(GetParam().body, "");
  ASSERT_TRUE(event) << event.error().detail;
  EXPECT_EQ(event->ordering_key, "test/self/cus_1");
}

INSTANTIATE_TEST_SUITE_P(Stripe, ReadableBodyTest, testing::ValuesIn(kReadable), NameOfCase);

TEST(HostileBodyTest, KeepsTextThatLooksLikeAHugeNumber) {
  const std::string body = EventAround("x", R"({"id":"a\\\"1e5","object":"customer","balance":1e400})");
  EXPECT_EQ(ParseEnvelope(body, "").value().ordering_key, "test/self/a\\\"1e5");
}

/// Linear work on a megabyte takes milliseconds of processor time, quadratic work minutes; a sanitizer changes neither.
TEST(HostileBodyTest, CostsTimeInProportionToItsSize) {
  std::string keys = "\"k0\":0";
  for (int i = 1; i < 100000; ++i) keys += ",\"k" + std::to_string(i) + "\":0";
  const std::string bodies[] = {
      CustomerWith(keys),
      CustomerWith("\"a\":[1e400" + Repeated(",1e400", 150000) + "]"),
      CustomerWith("\"a\":" + Repeated("9", 1000000)),
      CustomerWith("\"a\":1e400,\"b\":" + Repeated("9", 1000000) + "."),
      CustomerWith("\"a\":[1e400" + Repeated(",-", 500000) + "]"),
      CustomerWith(R"("name":")" + Repeated(R"(\u0000)", 170000) + "\""),
      CustomerWith(R"("name":")" + Repeated(R"(\ud7ff)", 170000) + "\""),
  };
  const std::clock_t begin = std::clock();
  for (const std::string& body : bodies) (void)ParseEnvelope(body, "");
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 10);
}

TEST(HostileBodyTest, SurvivesEveryTruncation) {
  for (std::size_t size = 0; size < kGood.size(); ++size) {
    ASSERT_FALSE(ParseEnvelope(kGood.substr(0, size), "")) << size;
  }
}

TEST(HostileBodyTest, SurvivesRandomDamage) {
  const std::string good = CustomerWith(R"("name":"a\ud83d\ude00\u0000","balance":-1.5e3,"x":[true,null,{"id":"é"}])");
  std::mt19937 random(1);  // the same damage in each run
  for (int round = 0; round < 20000; ++round) {
    std::string body = good;
    for (std::size_t hits = 1 + random() % 4; hits > 0; --hits) {
      body[random() % body.size()] = static_cast<char>(random() % 2 == 0 ? random() : "{}[]\",:\\u0e-"[random() % 12]);
    }
    const auto event = ParseEnvelope(body, "");
    ASSERT_TRUE(!event || event->ordering_key.starts_with(event->scope + "/")) << body;
  }
}

}  // namespace
}  // namespace keystrand::stripe
