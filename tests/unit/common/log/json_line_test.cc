#include "common/log/json_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidjson/document.h>

#include <limits>
#include <stdexcept>
#include <vector>

namespace keystrand::log {
namespace {

using std::chrono::system_clock;

constexpr LineHead kHead{system_clock::time_point(std::chrono::microseconds(1700000000000042)),
                         Level::kWarn,
                         Action::kEventRetry,
                         "an attempt failed",
                         "keystrand-worker",
                         "host:1",
                         "0.1.0"};

std::string Line(const std::vector<FieldValue>& fields, std::uint64_t suppressed = 0) {
  return BuildLine(kHead, fields.data(), fields.size(), suppressed);
}

/// The line as a parser that judges encoding sees it.
rapidjson::Document Parsed(const std::string& line) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseValidateEncodingFlag>(line.c_str(), line.size());
  if (document.HasParseError() || !document.IsObject()) throw std::runtime_error("not a JSON object: " + line);
  return document;
}

std::string TextOf(const std::string& value) {
  const auto document = Parsed(Line({{Field::kDetail, value}}));
  return {document["detail"].GetString(), document["detail"].GetStringLength()};
}

TEST(JsonLineTest, BeginsWithWhatEveryLineHas) {
  EXPECT_EQ(Line({}),
            "{\"timestamp\":\"2023-11-14T22:13:20.000042Z\",\"level\":\"warn\",\"action\":\"event.retry\","
            "\"message\":\"an attempt failed\",\"service\":\"keystrand-worker\",\"instance\":\"host:1\","
            "\"version\":\"0.1.0\"}\n");
}

TEST(JsonLineTest, CarriesEveryKindOfValue) {
  const std::string topic = "keystrand.events";
  const auto line = Parsed(Line({{Field::kTopic, topic},
                                 {Field::kReason, "x"},
                                 {Field::kOffset, std::numeric_limits<std::int64_t>::max()},
                                 {Field::kPartition, std::int32_t{-1}},
                                 {Field::kCount, std::size_t{7}},
                                 {Field::kDurationSeconds, std::chrono::milliseconds(1500)},
                                 {Field::kLivemode, true},
                                 {Field::kNextAttemptAt, system_clock::time_point(std::chrono::seconds(1))}}));
  EXPECT_EQ(line["topic"].GetString(), topic);
  EXPECT_STREQ(line["reason"].GetString(), "x");
  EXPECT_EQ(line["offset"].GetInt64(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(line["partition"].GetInt(), -1);
  EXPECT_EQ(line["count"].GetInt(), 7);
  EXPECT_EQ(line["duration_seconds"].GetDouble(), 1.5);
  EXPECT_TRUE(line["livemode"].GetBool());
  EXPECT_STREQ(line["next_attempt_at"].GetString(), "1970-01-01T00:00:01.000000Z");
  EXPECT_FALSE(line.HasMember("suppressed"));
}

TEST(JsonLineTest, NotANumberIsNull) {
  EXPECT_TRUE(
      Parsed(Line({{Field::kDurationSeconds, std::numeric_limits<double>::infinity()}}))["duration_seconds"].IsNull());
}

TEST(JsonLineTest, SaysHowManyLinesItStandsFor) { EXPECT_EQ(Parsed(Line({}, 41))["suppressed"].GetInt(), 41); }

TEST(JsonLineTest, HostileTextStaysInsideItsString) {
  for (const std::string& text :
       {std::string("\",\"level\":\"error"), std::string("back\\slash\\\""),
        std::string("caf\xC3\xA9 \xF0\x9F\x92\xB3"), std::string("line\r\n{\"action\":\"forged\"}"),
        std::string("nul\0in it", 9), std::string("\x1B[31mred\x7F"),
        std::string("\xC2\x9B"
                    "31m")}) {
    EXPECT_EQ(TextOf(text), text);
  }
}

TEST(JsonLineTest, ControlCharactersAreEscaped) {
  std::string all;
  for (int c = 0; c < 0x20; ++c) all += static_cast<char>(c);
  all += "\x7F\xC2\x80\xC2\x9F";
  const auto line = Line({{Field::kDetail, all}});
  for (std::size_t i = 0; i + 1 < line.size(); ++i) {
    EXPECT_GE(static_cast<unsigned char>(line[i]), 0x20) << i;
    EXPECT_LT(static_cast<unsigned char>(line[i]), 0x7F) << i;
  }
  EXPECT_THAT(line, testing::HasSubstr("\\u0000\\u0001"));
  EXPECT_THAT(line, testing::HasSubstr("\\u001f\\u007f\\u0080\\u009f"));
}

TEST(JsonLineTest, BadUtf8IsReplaced) {
  EXPECT_EQ(TextOf("a\xFF"
                   "b"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(TextOf("\xC3"), "\xEF\xBF\xBD");
  EXPECT_EQ(TextOf("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
  EXPECT_EQ(TextOf("\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD");                  // overlong
}

TEST(JsonLineTest, ALongValueIsCutAndTheLineStaysWhole) {
  const auto text = TextOf(std::string(100000, 'x'));
  EXPECT_LE(text.size(), kValueBytesMax + 3);
  EXPECT_TRUE(text.ends_with("\xE2\x80\xA6"));
}

TEST(JsonLineTest, NoLineIsLongerThanItsLimit) {
  const std::string hostile(100000, '\x01');  // six bytes each once escaped
  std::vector<FieldValue> fields;
  for (std::size_t i = 0; i < kFieldNames.size(); ++i) fields.push_back({static_cast<Field>(i), hostile});
  const auto line = Line(fields);
  ASSERT_LE(line.size(), kLineBytesMax);
  EXPECT_TRUE(Parsed(line)["truncated"].GetBool());
  EXPECT_TRUE(line.ends_with("}\n"));
}

TEST(JsonLineTest, AShortFieldBehindALongOneIsKept) {
  const std::string text(100000, 'x');
  const auto line = Parsed(Line({{Field::kDetail, text},
                                 {Field::kReason, text},
                                 {Field::kOwner, text},
                                 {Field::kActor, text},
                                 {Field::kEventId, "evt_1"}}));
  EXPECT_STREQ(line["event_id"].GetString(), "evt_1");
  EXPECT_FALSE(line.HasMember("actor"));
}

}  // namespace
}  // namespace keystrand::log
