#include "common/stripe/json_scan.h"

#include <gtest/gtest.h>

#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "common/stripe/json_reader.h"

namespace keystrand::stripe {
namespace {

/// Writes down what it is told, strings decoded.
class Recorder {
 public:
  [[nodiscard]] static bool Reads() { return true; }
  [[nodiscard]] static std::string fault() { return {}; }
  bool StartObject(std::size_t offset) { return Add("{" + std::to_string(offset)); }
  bool EndObject(std::size_t end) { return Add("}" + std::to_string(end)); }
  bool StartArray() { return Add("["); }
  bool EndArray() { return Add("]"); }
  bool Key(std::string_view key) { return Add("key " + std::string(key)); }
  bool String(std::string_view text) { return Add("text " + std::string(text)); }
  bool Number(std::string_view digits) { return Add("number " + std::string(digits)); }
  bool Bool(bool truth) { return Add(truth ? "true" : "false"); }
  bool Null() { return Add("null"); }
  void SawNul() { Add("nul"); }
  std::vector<std::string> told;

 private:
  bool Add(std::string what) {
    told.push_back(std::move(what));
    return true;
  }
};

/// What both readers tell of `text`, or that they refuse it; a difference fails the test.
void ExpectAgreement(const std::string& text) {
  Recorder scanned;
  const bool taken = ScanJson(text, scanned).has_value();
  const auto read = ReadJson<Recorder>(text);
  ASSERT_EQ(taken, read.has_value()) << testing::PrintToString(text);
  if (!taken) return;
  ASSERT_EQ(scanned.told, read->told) << testing::PrintToString(text);
}

const std::vector<std::string> kTexts = {
    R"({"id":"evt_1","object":"event","created":1800000000,"livemode":false,"data":{"object":{"a":[1,-2.5e+3,0.1]}}})",
    "{\n  \"id\": \"evt_1\",\n  \"type\": \"customer.updated\",\n  \"livemode\": true,\n  \"data\": {\n    \"object\": "
    "null\n  }\n}",
    R"(["\u0000\u00e9\ud83d\ude00\"\\\/\b\f\n\r\t",{"é":"日本語 😀"},[],{},[[[]]],true,false,null,0,-0,10E-2])",
    // Indents that stay, change, have tabs and carriage returns, and are longer than a stride; names of a stride and
    // over.
    "{\r\n\t\"a\": 1,\r\n\t\"b\" :  {\n                        \"exactly_sixteen_\": \"0123456789abcdef\",\n"
    "                        \"seventeen_letters\": [ 1 ,2 ,  3 ],\n                        \"x\":null\n  },\n"
    "  \"c\": \"0123456789abcd\u00e9f\",\n  \"d\": true,\n  \"e\": {},\n   \"f\": [\n    ]\n}\n",
    R"({"":"","a":{"b":{"c":["x",{"d":"e"}]}},"long":"0123456789abcdef0123456789abcdef0123456789abcdef"})",
};

/// Bytes that mean something in JSON, and some that never may.
constexpr char kBytes[] = {'"',    '\\',   '{',    '}',    '[',    ']',    ':',    ',',    't',    '0',   '9',
                           '-',    '+',    '.',    'e',    'u',    '/',    'D',    ' ',    '\n',   '\0',  '\x1F',
                           '\x7F', '\x80', '\xA0', '\xBF', '\xC2', '\xE2', '\xED', '\xF0', '\xF4', '\xFF'};

TEST(JsonScanTest, AgreesWithTheOtherReaderOnGoodText) {
  for (const std::string& text : kTexts) ExpectAgreement(text);
}

TEST(JsonScanTest, AgreesOnEveryPrefix) {
  for (const std::string& text : kTexts) {
    for (std::size_t size = 0; size < text.size(); ++size) ExpectAgreement(text.substr(0, size));
  }
}

TEST(JsonScanTest, AgreesOnEveryByteInEveryPlace) {
  for (const std::string& text : kTexts) {
    for (std::size_t at = 0; at < text.size(); ++at) {
      for (const char byte : kBytes) {
        std::string changed = text;
        changed[at] = byte;
        ExpectAgreement(changed);
      }
    }
  }
}

TEST(JsonScanTest, AgreesOnTextsThatWereChangedAtRandom) {
  std::mt19937 random(20261125);  // NOLINT: the same texts each time
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  for (int i = 0; i < 200'000; ++i) {
    std::string text = kTexts[below(kTexts.size())];
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
      const std::size_t at = below(text.size());
      switch (below(3)) {
        case 0: text[at] = kBytes[below(std::size(kBytes))]; break;
        case 1: text.insert(at, 1, kBytes[below(std::size(kBytes))]); break;
        default: text.erase(at, 1 + below(3)); break;
      }
      if (text.empty()) text = " ";
    }
    ExpectAgreement(text);
  }
}

TEST(JsonScanTest, AgreesOnNumbersEscapesAndDepth) {
  for (const char* text : {"01",
                           "-",
                           "-01",
                           "1.",
                           ".1",
                           "1e",
                           "1e+",
                           "+1",
                           "0x1",
                           "1e400",
                           "-1e-400",
                           "1.0e1000",
                           "NaN",
                           R"("\u12")",
                           R"("\u123g")",
                           R"("\ud800")",
                           R"("\ud800\u0041")",
                           R"("\udc00")",
                           R"("\uD83D\uDE00")",
                           R"("\x")",
                           "\"\\",
                           "\"\xC0\x80\"",
                           "\"\xED\xA0\x80\"",
                           "\"\xF4\x90\x80\x80\"",
                           "tru",
                           "nul",
                           "truex",
                           "[1,]",
                           "{,}",
                           "{\"a\"}",
                           "{\"a\":}",
                           "[1 2]",
                           "1 1",
                           "\xEF\xBB\xBF{}",
                           "// c\n1",
                           "'a'"}) {
    ExpectAgreement(text);
  }
  for (const std::size_t depth : {63U, 64U, 65U, 1000U}) {
    ExpectAgreement(std::string(depth, '[') + std::string(depth, ']'));
  }
  ExpectAgreement(std::string(500, '9'));
  ExpectAgreement(std::string("1\0", 2));
}

/// Gives what nobody reads as it stands, but still checked.
class Passing : public Recorder {
 public:
  [[nodiscard]] static bool Reads() { return false; }
};

TEST(JsonScanTest, ChecksWhatNobodyReads) {
  Passing passing;
  ASSERT_TRUE(ScanJson(R"(["\u0041"])", passing));
  EXPECT_EQ(passing.told, (std::vector<std::string>{"[", "text \\u0041", "]"}));
  EXPECT_FALSE(ScanJson(R"(["\udc00"])", passing));
}

}  // namespace
}  // namespace keystrand::stripe
