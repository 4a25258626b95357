#include "common/http/admin_server.h"

#include <gtest/gtest.h>

#include "client.h"

namespace keystrand::http {
namespace {

class AdminServerTest : public testing::Test {
 protected:
  AdminServerTest()
      : set_ready_(health_.Add(Health::Kind::kReadiness, "kafka", {false, "not reached yet"})),
        admin_({"127.0.0.1:0", "1.2.3", "abc", [] { return std::string("keystrand_ready 1\n"); }}, health_) {
    EXPECT_TRUE(admin_.Start());
  }
  Answer Get(const std::string& path, const std::string& method = "GET") {
    Client client(admin_.port());
    client.Send(method + " " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    return client.Receive();
  }

  const SystemClock clock_;
  Health health_{clock_};
  std::function<void(Health::State)> set_ready_;
  AdminServer admin_;
};

TEST_F(AdminServerTest, TellsReadinessByItsStatusCode) {
  EXPECT_EQ(Get("/readyz").status, 503);
  set_ready_({true, ""});
  const Answer ready = Get("/readyz");
  EXPECT_EQ(ready.status, 200);
  EXPECT_TRUE(ready.Has("Content-Type: application/json\r\n"));
  EXPECT_NE(ready.body.find(R"("kafka":{"ok":true)"), std::string::npos);
}

TEST_F(AdminServerTest, IsAliveWithoutKafka) { EXPECT_EQ(Get("/livez").status, 200); }

TEST_F(AdminServerTest, ServesMetrics) {
  const Answer metrics = Get("/metrics");
  EXPECT_EQ(metrics.body, "keystrand_ready 1\n");
  EXPECT_TRUE(metrics.Has("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
}

TEST_F(AdminServerTest, TellsItsVersion) {
  EXPECT_EQ(Get("/version").body, "{\"version\":\"1.2.3\",\"revision\":\"abc\"}\n");
}

TEST_F(AdminServerTest, KnowsNoOtherPathAndNoOtherMethod) {
  EXPECT_EQ(Get("/").status, 404);
  const Answer refused = Get("/metrics", "DELETE");
  EXPECT_EQ(refused.status, 405);
  EXPECT_TRUE(refused.Has("Allow: GET, HEAD\r\n"));
}

}  // namespace
}  // namespace keystrand::http
