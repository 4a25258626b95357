#include "receiver/reloads.h"

#include <gtest/gtest.h>

#include <fstream>

#include "delivery.h"

namespace keystrand::receiver {
namespace {

class ReloadsTest : public testing::Test {
 protected:
  void Add(std::vector<std::string> files) {
    reloads_.Add({"main", std::move(files),
                  [this]() -> Result<> {
                    ++calls_;
                    if (refuse_) return Fail(ErrorCode::kRejected, "unusable");
                    return {};
                  },
                  log::Action::kSecretsReloaded, log::Action::kSecretsRefused,
                  registry_.AddCounter({"reloads_total", "x"}, {{"result", "ok"}}),
                  registry_.AddCounter({"reloads_total", "x"}, {{"result", "refused"}})});
  }
  static std::string File(const std::string& name) {
    return testing::TempDir() + "keystrand_reloads_" + testing::UnitTest::GetInstance()->current_test_info()->name() +
           name;
  }

  metrics::Registry registry_;
  Reloads reloads_;
  bool refuse_ = false;
  int calls_ = 0;
};

TEST_F(ReloadsTest, HappenWhenOneOfTheFilesChanges) {
  Add({File("a"), File("b")});
  reloads_.Changed();
  EXPECT_EQ(calls_, 0);
  std::ofstream(File("b")) << "new";
  reloads_.Changed();
  EXPECT_EQ(calls_, 1);
  std::ofstream(File("a")) << "newer";
  std::ofstream(File("b")) << "newest";
  reloads_.Changed();
  EXPECT_EQ(calls_, 2) << "both changed at once";
  reloads_.Changed();
  EXPECT_EQ(calls_, 2);
}

TEST_F(ReloadsTest, HappenOnRequestAndAreCounted) {
  Add({});
  reloads_.All();
  refuse_ = true;
  reloads_.All();
  EXPECT_EQ(ValueOf(registry_, R"(reloads_total{result="ok"})"), 1);
  EXPECT_EQ(ValueOf(registry_, R"(reloads_total{result="refused"})"), 1);
}

}  // namespace
}  // namespace keystrand::receiver
