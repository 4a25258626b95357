#include "receiver/signing_secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "delivery.h"
#include "receiver/file_watch.h"

namespace keystrand::receiver {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class SecretsFileTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove(path_); }
  void TearDown() override { std::filesystem::remove(path_); }
  void Write(const std::string& text) const { std::ofstream(path_, std::ios::trunc) << text; }

  const std::string path_ =
      testing::TempDir() + "keystrand_secrets_" + testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST(SigningSecrets, AreRefusedWhenUnusable) {
  EXPECT_THAT(ProblemsOf({}), ElementsAre(HasSubstr("no signing secret")));
  EXPECT_THAT(ProblemsOf({""}), ElementsAre(HasSubstr("secret 1 is empty")));
  EXPECT_THAT(ProblemsOf({kPrimary, "whsec_short"}), ElementsAre(HasSubstr("secret 2 is too short")));
  EXPECT_THAT(ProblemsOf({kPrimary, kSecondary, kPrimary}), ElementsAre(HasSubstr("secret 3 is given twice")));
  EXPECT_THAT(ProblemsOf({kPrimary, kSecondary}), ElementsAre());
}

TEST(SigningSecrets, AreNeverQuotedInAProblem) {
  const std::string secret = "whsec_canary";
  for (const std::string& problem : ProblemsOf({secret, secret})) EXPECT_THAT(problem, testing::Not(HasSubstr(secret)));
}

TEST(SigningSecrets, StayInForceWhenNewOnesAreRefused) {
  SigningSecrets secrets(std::chrono::seconds(300));
  ASSERT_TRUE(secrets.Replace({kPrimary}));
  EXPECT_FALSE(secrets.Replace({}));
  EXPECT_FALSE(secrets.Replace({""}));
  EXPECT_TRUE(secrets.Current()->Verify("body", Sign("body"), kNow));
}

TEST(SigningSecrets, AreReplacedWhileAnOldVerifierIsInUse) {
  SigningSecrets secrets(std::chrono::seconds(300));
  ASSERT_TRUE(secrets.Replace({kPrimary}));
  const auto before = secrets.Current();
  ASSERT_TRUE(secrets.Replace({kSecondary}));
  EXPECT_TRUE(before->Verify("body", Sign("body", kPrimary), kNow));
  EXPECT_FALSE(secrets.Current()->Verify("body", Sign("body", kPrimary), kNow));
  EXPECT_TRUE(secrets.Current()->Verify("body", Sign("body", kSecondary), kNow));
}

TEST_F(SecretsFileTest, HoldsOneALine) {
  Write(" " + kPrimary + "\r\n\n" + kSecondary);
  const auto secrets = ReadSecretsFile(path_);
  ASSERT_TRUE(secrets);
  EXPECT_THAT(*secrets, ElementsAre(kPrimary, kSecondary));
}

TEST_F(SecretsFileTest, IsNamedWhenItCannotBeRead) {
  const auto secrets = ReadSecretsFile(path_);
  ASSERT_FALSE(secrets);
  EXPECT_THAT(secrets.error().detail, HasSubstr(path_));
}

TEST_F(SecretsFileTest, IsSeenToChange) {
  FileWatch watch(path_);
  EXPECT_FALSE(watch.Changed());
  Write(kPrimary);
  EXPECT_TRUE(watch.Changed());
  EXPECT_FALSE(watch.Changed());
  Write(kPrimary + "\n" + kSecondary);
  EXPECT_TRUE(watch.Changed());
}

TEST_F(SecretsFileTest, IsSeenToBeReplacedByAnotherOfItsSize) {
  Write(kPrimary);
  FileWatch watch(path_);
  std::ofstream(path_ + ".new") << kPrimary;
  std::filesystem::rename(path_ + ".new", path_);
  EXPECT_TRUE(watch.Changed());
}

}  // namespace
}  // namespace keystrand::receiver
