#include "common/stripe/event_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keystrand::stripe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(EventList, GivesTheElementsByteForByte) {
  const auto list = ReadEventList(
      "{\n \"object\": \"list\", \"data\": [ {\"id\": \"evt_1\", \"data\":{\"object\":{}}} ,\n{\"a\":[{}, {}]}],"
      " \"has_more\": true, \"url\": \"/v1/events\"}");
  ASSERT_TRUE(list) << list.error().detail;
  EXPECT_TRUE(list->is_list);
  EXPECT_TRUE(list->has_more);
  EXPECT_THAT(list->events, ElementsAre("{\"id\": \"evt_1\", \"data\":{\"object\":{}}}", "{\"a\":[{}, {}]}"));
}

TEST(EventList, TakesAListOfThinEventsWhichHasNoObject) {
  const auto list = ReadEventList(R"({"data":[{"id":"evt_1"}],"next_page_url":null})");
  ASSERT_TRUE(list) << list.error().detail;
  EXPECT_THAT(list->events, ElementsAre(R"({"id":"evt_1"})"));
}

TEST(EventList, TakesAnyOtherObjectForOneEvent) {
  const std::string event = R"( {"object":"event","data":{"object":{"object":"list","data":[{}]}},"has_more":true} )";
  const auto list = ReadEventList(event);
  ASSERT_TRUE(list) << list.error().detail;
  EXPECT_FALSE(list->is_list);
  EXPECT_FALSE(list->has_more);
  EXPECT_THAT(list->events, ElementsAre(event));
}

TEST(EventList, TakesOnlyATextForTheKindOfAnObject) {
  const auto list = ReadEventList(R"({"object":{"of":"list"},"id":"evt_1"})");
  ASSERT_TRUE(list) << list.error().detail;
  EXPECT_FALSE(list->is_list);
}

TEST(EventList, MayBeEmpty) {
  const auto list = ReadEventList(R"({"object":"list","data":[]})");
  ASSERT_TRUE(list);
  EXPECT_THAT(list->events, IsEmpty());
}

TEST(EventList, RefusesWhatIsNoObjectAndNoListOfObjects) {
  EXPECT_THAT(ReadEventList("[]").error().detail, HasSubstr("no JSON object"));
  EXPECT_THAT(ReadEventList("{\"a\":1").error().detail, HasSubstr("at byte 6"));
  EXPECT_THAT(ReadEventList(R"({"object":"list"})").error().detail, HasSubstr("without an array data"));
  EXPECT_THAT(ReadEventList(R"({"object":"list","data":[1]})").error().detail, HasSubstr("no object"));
}

TEST(SaysItIsAnEvent, LooksAtTheOutermostObjectOnly) {
  EXPECT_TRUE(SaysItIsAnEvent(R"({"object":"event"})").value());
  EXPECT_TRUE(SaysItIsAnEvent(R"({"object":"v2.core.event"})").value());
  EXPECT_FALSE(SaysItIsAnEvent(R"({"object":"payment_method","id":"pm_1","type":"card","livemode":false})").value());
  EXPECT_FALSE(SaysItIsAnEvent(R"({"data":{"object":"event"}})").value());
  EXPECT_FALSE(SaysItIsAnEvent("{").has_value());
}

}  // namespace
}  // namespace keystrand::stripe
