#include "worker/operator/import_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keystrand::worker::op {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::int64_t kBytesMax = 1024;

std::string Event(const std::string& id) {
  return R"({"id":")" + id + R"(","object":"event","type":"customer.created","livemode":false,)" +
         R"("data":{"object":{"id":"cus_1","object":"customer"}}})";
}

auto EventAt(std::size_t line, const std::string& body) {
  return testing::AllOf(Field(&FileEvent::line, line), Field(&FileEvent::body, body));
}
auto BadAt(std::size_t line, const std::string& words) {
  return testing::AllOf(Field(&BadLine::line, line), Field(&BadLine::reason, HasSubstr(words)));
}

TEST(ImportFile, TakesAnEventALineByteForByte) {
  const std::string text = Event("evt_1") + "\n\n  " + Event("evt_2") + " \r\n" + Event("evt_3");
  const auto content = ReadImport(text, "", kBytesMax);
  EXPECT_THAT(content.bad, IsEmpty());
  EXPECT_THAT(content.events,
              ElementsAre(EventAt(1, Event("evt_1")), EventAt(3, Event("evt_2")), EventAt(4, Event("evt_3"))));
}

TEST(ImportFile, TakesTheElementsOfAListOnALine) {
  const std::string text = Event("evt_1") + "\n" + R"({"object":"list","has_more":true,"data":[)" + Event("evt_2") +
                           ", " + Event("evt_3") + "]}\n";
  const auto content = ReadImport(text, "", kBytesMax);
  EXPECT_TRUE(content.has_more);
  EXPECT_THAT(content.events,
              ElementsAre(EventAt(1, Event("evt_1")), EventAt(2, Event("evt_2")), EventAt(2, Event("evt_3"))));
}

TEST(ImportFile, TakesAListOrAnEventOverManyLinesAndCountsThem) {
  const std::string list =
      "\n{\n \"object\": \"list\",\n \"data\": [\n" + Event("evt_1") + ",\n{\"id\": 1},\n" + Event("evt_2") + "]\n}\n";
  const auto content = ReadImport(list, "", kBytesMax);
  EXPECT_THAT(content.events, ElementsAre(EventAt(5, Event("evt_1")), EventAt(7, Event("evt_2"))));
  EXPECT_THAT(content.bad, ElementsAre(BadAt(6, "id")));
  std::string spread = Event("evt_1");
  spread.insert(1, "\n");
  EXPECT_THAT(ReadImport(spread + "\n", "", kBytesMax).events, ElementsAre(EventAt(1, spread)));
}

TEST(ImportFile, NamesEachBadLineAndGoesOn) {
  const std::string text = "{\n" + Event("evt_1") + "\n[]\n" +
                           R"({"id":"pm_1","object":"card","type":"t","livemode":true})" + "\n" +
                           R"({"object":"event"})" + "\n" + Event(std::string(255, 'e')) + std::string(900, ' ') + "\n";
  const auto content = ReadImport(text, "", 300);
  EXPECT_THAT(content.events, ElementsAre(EventAt(2, Event("evt_1"))));
  EXPECT_THAT(content.bad, ElementsAre(BadAt(1, "at byte"), BadAt(3, "no JSON object"), BadAt(4, "no event"),
                                       BadAt(5, "id"), BadAt(6, "body-bytes-max (300)")));
}

TEST(ImportFile, MayHoldNothing) {
  for (const char* text : {"", "\n", " \r\n\t\n"}) {
    const auto content = ReadImport(text, "", kBytesMax);
    EXPECT_THAT(content.events, IsEmpty());
    EXPECT_THAT(content.bad, IsEmpty());
  }
}

}  // namespace
}  // namespace keystrand::worker::op
