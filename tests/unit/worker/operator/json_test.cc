#include "worker/operator/json.h"

#include <gtest/gtest.h>

namespace keystrand::worker::op {
namespace {

TEST(JsonWriter, PutsCommasWhereTheyBelong) {
  JsonWriter json;
  json.BeginObject().Field("a", 1).Key("b").BeginArray().BeginObject().EndObject().Int(2).Null().EndArray();
  json.Field("c", true).TextOrNull("d", "").Field("e", std::optional<std::int64_t>()).EndObject();
  EXPECT_EQ(std::move(json).Take(), R"({"a":1,"b":[{},2,null],"c":true,"d":null,"e":null})"
                                    "\n");
}

TEST(JsonWriter, WritesATextAsATextAndNotAsABool) {
  JsonWriter json;
  json.BeginObject().Field("a", "x").EndObject();
  EXPECT_EQ(std::move(json).Take(), "{\"a\":\"x\"}\n");
}

TEST(JsonWriter, EscapesWhatJsonForbidsAndReplacesBadUtf8) {
  JsonWriter json;
  json.Text("\"\\\n\x1b\xFFZoë");
  EXPECT_EQ(std::move(json).Take(), "\"\\\"\\\\\\u000a\\u001b\xEF\xBF\xBDZoë\"\n");
}

TEST(JsonWriter, WritesTimesAsRfc3339) {
  JsonWriter json;
  json.BeginObject().Time("at", 0).Time("never", std::nullopt).EndObject();
  EXPECT_EQ(std::move(json).Take(), "{\"at\":\"1970-01-01T00:00:00.000Z\",\"never\":null}\n");
}

}  // namespace
}  // namespace keystrand::worker::op
