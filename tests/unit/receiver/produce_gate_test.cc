#include "receiver/produce_gate.h"

#include <gtest/gtest.h>

#include "delivery.h"
#include "fake_backlog.h"

namespace keystrand::receiver {
namespace {

using namespace std::chrono_literals;
using Verdict = ProduceGate::Verdict;

class ProduceGateTest : public testing::Test {
 protected:
  static constexpr std::int32_t kHung = 3;

  FakeBacklog backlog_;
  ManualClock clock_;
  ProduceGate gate_{backlog_.Asked(), {5'000ms, 1'000}, clock_};
};

TEST_F(ProduceGateTest, IsOpenWhileKafkaKeepsUp) {
  EXPECT_EQ(gate_.Judge(0, 100), Verdict::kOpen);
  backlog_.oldest = 5s;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(gate_.Judge(0, 100), Verdict::kOpen);
}

TEST_F(ProduceGateTest, LetsOneProbeASecondThroughAStall) {
  backlog_.oldest = 5s + 1ns;
  EXPECT_EQ(gate_.Judge(0, 100), Verdict::kOpen);
  EXPECT_EQ(gate_.Judge(0, 100), Verdict::kStalled);
  clock_.steady += 999ms;
  EXPECT_EQ(gate_.Judge(0, 100), Verdict::kStalled);
  clock_.steady += 1ms;
  EXPECT_EQ(gate_.Judge(0, 100), Verdict::kOpen);
  EXPECT_EQ(gate_.Judge(0, 100), Verdict::kStalled);
}

TEST_F(ProduceGateTest, OpensAtOnceWhenTheStallIsOver) {
  backlog_.oldest = 6s;
  (void)gate_.Judge(0, 100);
  ASSERT_EQ(gate_.Judge(0, 100), Verdict::kStalled);
  backlog_.oldest = std::nullopt;
  EXPECT_EQ(gate_.Judge(0, 100), Verdict::kOpen);
}

TEST_F(ProduceGateTest, BoundsTheBytesInFlight) {
  backlog_.bytes = 900;
  EXPECT_EQ(gate_.Judge(0, 100), Verdict::kOpen);
  EXPECT_EQ(gate_.Judge(0, 101), Verdict::kFull);
}

TEST_F(ProduceGateTest, TellsWhetherKafkaKeepsUp) {
  EXPECT_TRUE(gate_.KeepsUp());
  backlog_ = {5s, 799, {}};
  EXPECT_TRUE(gate_.KeepsUp());
  backlog_ = {5s + 1ns, 0, {}};
  EXPECT_FALSE(gate_.KeepsUp());
  backlog_ = {1s, 800, {}};
  EXPECT_FALSE(gate_.KeepsUp());
}

TEST_F(ProduceGateTest, StallsOnlyThePartitionWhoseLeaderHangs) {
  backlog_.oldest = 6s;
  backlog_.only = kHung;
  gate_.Acknowledged(1s);
  ASSERT_EQ(gate_.Judge(kHung, 100), Verdict::kOpen);  // the probe
  EXPECT_EQ(gate_.Judge(kHung, 100), Verdict::kStalled);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(gate_.Judge(kHung + 1, 100), Verdict::kOpen);
}

TEST_F(ProduceGateTest, LetsOneProbeThroughForAllPartitionsWhenNoLeaderAcknowledges) {
  gate_.Acknowledged(1s);
  clock_.steady += 5s + 1ns;
  backlog_.oldest = 6s;
  backlog_.only = kHung;
  ASSERT_EQ(gate_.Judge(kHung + 1, 100), Verdict::kOpen);  // the probe
  for (int i = 2; i < 5; ++i) EXPECT_EQ(gate_.Judge(kHung + i, 100), Verdict::kStalled);
}

TEST_F(ProduceGateTest, KeepsUpWhileOthersAreAcknowledgedInTime) {
  backlog_.oldest = 6s;
  backlog_.only = kHung;
  EXPECT_FALSE(gate_.KeepsUp());
  gate_.Acknowledged(5s + 1ns);
  EXPECT_FALSE(gate_.KeepsUp());
  gate_.Acknowledged(5s);
  EXPECT_TRUE(gate_.KeepsUp());
  clock_.steady += 5s;
  EXPECT_TRUE(gate_.KeepsUp());
  clock_.steady += 1ns;
  EXPECT_FALSE(gate_.KeepsUp());
}

TEST_F(ProduceGateTest, SpendsNoProbeOnARecordThatDoesNotFit) {
  backlog_ = {6s, 1'000, {}};
  EXPECT_EQ(gate_.Judge(0, 1), Verdict::kFull);
  backlog_.bytes = 0;
  EXPECT_EQ(gate_.Judge(0, 1), Verdict::kOpen);
}

}  // namespace
}  // namespace keystrand::receiver
