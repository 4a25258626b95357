#include "worker/operator/pretty_json.h"

#include <gtest/gtest.h>

namespace keystrand::worker::op {
namespace {

TEST(PrettyJson, IndentsAndKeepsEachTokenAsItWasWritten) {
  EXPECT_EQ(PrettyJson(R"({"a":1.50,"b" : [ ],"c":{ "d":"x, {\"y, z\": é}\\" , "e":[1e400,null]}})"),
            "{\n"
            "  \"a\": 1.50,\n"
            "  \"b\": [],\n"
            "  \"c\": {\n"
            "    \"d\": \"x, {\\\"y, z\\\": é}\\\\\",\n"
            "    \"e\": [\n"
            "      1e400,\n"
            "      null\n"
            "    ]\n"
            "  }\n"
            "}\n");
}

TEST(PrettyJson, LeavesWhatIsNoJsonAsItIsButSafeForATerminal) {
  EXPECT_EQ(PrettyJson("{ \x1B[2J\nno"), "{ \xEF\xBF\xBD[2J\nno\n");
  EXPECT_EQ(PrettyJson(""), "\n");
}

TEST(PrettyJson, ShowsNothingThatATerminalObeys) { EXPECT_EQ(PrettyJson("\"a\x7F\""), "\"a\xEF\xBF\xBD\"\n"); }

}  // namespace
}  // namespace keystrand::worker::op
