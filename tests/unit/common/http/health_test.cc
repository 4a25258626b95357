#include "common/http/health.h"

#include <gtest/gtest.h>

namespace keystrand::http {
namespace {

using std::chrono::system_clock;

class ManualClock final : public Clock {
 public:
  [[nodiscard]] system_clock::time_point Now() const override { return now; }
  [[nodiscard]] std::chrono::steady_clock::time_point Steady() const override { return {}; }
  system_clock::time_point now{std::chrono::seconds(1'700'000'000)};
};

TEST(Health, IsOkOnlyIfAllChecksOfTheKindAre) {
  const ManualClock clock;
  Health health(clock);
  const auto set_kafka = health.Add(Health::Kind::kReadiness, "kafka", {false, "not reached yet"});
  health.Add(Health::Kind::kReadiness, "settings", [] { return Health::State{true, ""}; });
  health.Add(Health::Kind::kLiveness, "loops", [] { return Health::State{true, ""}; });
  std::string body;
  EXPECT_FALSE(health.Render(Health::Kind::kReadiness, body));
  EXPECT_TRUE(health.Render(Health::Kind::kLiveness, body));
  set_kafka({true, "3 brokers"});
  EXPECT_TRUE(health.Render(Health::Kind::kReadiness, body));
}

TEST(Health, RendersEachCheckWithItsDetail) {
  const ManualClock clock;
  Health health(clock);
  health.Add(Health::Kind::kReadiness, "kafka", {false, "broker \"b\" is away\n"});
  health.Add(Health::Kind::kReadiness, "queue", {true, ""});
  std::string body;
  health.Render(Health::Kind::kReadiness, body);
  EXPECT_EQ(body, R"({"status":"failing","checks":{"kafka":{"ok":false,"since":"2023-11-14T22:13:20Z",)"
                  R"("detail":"broker \"b\" is away?"},)"
                  R"("queue":{"ok":true,"since":"2023-11-14T22:13:20Z","detail":""}}})"
                  "\n");
}

TEST(Health, TellsSinceWhenAStateHolds) {
  ManualClock clock;
  Health health(clock);
  const auto set = health.Add(Health::Kind::kReadiness, "kafka", {true, ""});
  const auto since = [&] { return health.Check(Health::Kind::kReadiness).at(0).since; };
  const auto first = since();
  clock.now += std::chrono::seconds(60);
  EXPECT_EQ(since(), first);
  set({false, "gone"});
  EXPECT_EQ(since(), clock.now);
}

}  // namespace
}  // namespace keystrand::http
