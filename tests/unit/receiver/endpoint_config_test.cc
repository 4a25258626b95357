#include "receiver/endpoint_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "delivery.h"
#include "receiver/settings.h"

namespace keystrand::receiver {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kConnect = "whsec_invented_for_tests_connect";

EndpointConfig Endpoint(const std::string& name, const std::string& path, std::vector<std::string> secrets) {
  EndpointConfig endpoint;
  endpoint.name = name;
  endpoint.path = path;
  for (const std::string& secret : secrets) endpoint.secrets.emplace_back(secret);
  return endpoint;
}

TEST(EndpointConfigTest, TakesEndpointsThatDiffer) {
  EXPECT_THAT(ProblemsOf({Endpoint("main", "/a", {kPrimary, kSecondary}), Endpoint("connect", "/b", {kConnect})}),
              IsEmpty());
}

TEST(EndpointConfigTest, NamesEveryProblemAtOnce) {
  auto live = Endpoint("live", "/a", {kPrimary, kPrimary});
  auto test = Endpoint("test", "/a", {"whsec_short"});
  test.expected_mode = "sandbox";
  auto none = Endpoint("none", "no-slash", {});
  auto shared = Endpoint("shared", "/d", {kPrimary});
  EXPECT_THAT(
      ProblemsOf({live, test, none, shared, Endpoint("Other Name", "/e", {kConnect}), Endpoint("other", "/f", {""})}),
      ElementsAre(HasSubstr("endpoint.live.signing-secrets: signing secret 2 is given twice"),
                  HasSubstr("endpoint.test.signing-secrets: signing secret 1 is too short"),
                  HasSubstr("endpoint.test.expected-mode: give live, test or any"),
                  HasSubstr("endpoint.none.path: give a path that begins with /"),
                  HasSubstr("endpoint.none.signing-secrets: no signing secret"),
                  HasSubstr("endpoint.Other Name: give a name"), HasSubstr("endpoint.other: give a name"),
                  HasSubstr("endpoint.other.signing-secrets: signing secret 1 is empty"),
                  HasSubstr("endpoint.test.path: /a is also the path of endpoint live"),
                  HasSubstr("endpoint.shared.signing-secrets: one of them is also a secret of endpoint live")));
}

TEST(EndpointConfigTest, NeverQuotesASecret) {
  for (const std::string& problem : ProblemsOf(
           {Endpoint("a", "/a", {"whsec_canary"}), Endpoint("b", "/b", {kPrimary}), Endpoint("c", "/c", {kPrimary})})) {
    EXPECT_THAT(problem, Not(HasSubstr("canary")));
    EXPECT_THAT(problem, Not(HasSubstr(kPrimary)));
  }
}

TEST(EndpointConfigTest, BoundsTheirNumber) {
  std::vector<EndpointConfig> endpoints;
  for (std::size_t i = 0; i <= kEndpointsMax; ++i) {
    const std::string number = std::to_string(i);
    endpoints.push_back(Endpoint("e" + number, "/" + number, {kPrimary + number}));
  }
  EXPECT_THAT(ProblemsOf(endpoints), ElementsAre(HasSubstr("give at most 16")));
}

/// Settings read from a file of this text.
class EndpointFileTest : public testing::Test {
 protected:
  config::Outcome Read(const std::string& text, config::Environment environment = {}) {
    const std::string path =
        testing::TempDir() + "keystrand_endpoints_" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::ofstream(path, std::ios::trunc) << "kafka-brokers = \"127.0.0.1:9092\"\n" << text;
    environment["KEYSTRAND_CONFIG"] = path;
    const char* const arguments[] = {"keystrand-receiver"};
    return ReadSettings(1, arguments, environment, settings);
  }
  Settings settings;
};

TEST_F(EndpointFileTest, GivesSeveralEndpointsTheirOwnPathSecretsAndMode) {
  const auto outcome =
      Read("[endpoint.live]\npath = \"/live\"\nsigning-secrets = [\"" + kPrimary + "\", \"" + kSecondary +
           "\"]\nexpected-mode = \"live\"\n[endpoint.test]\npath = \"/test\"\nsigning-secrets = \"" + kConnect +
           "\"\nexpected-mode = \"test\"\n");
  ASSERT_TRUE(outcome.ready) << outcome.text;
  ASSERT_EQ(settings.endpoints.size(), 2u);
  EXPECT_EQ(settings.endpoints[0].name, "live");
  EXPECT_EQ(settings.endpoints[0].expected_mode, "live");
  EXPECT_THAT(*SecretsOf(settings.endpoints[0]), ElementsAre(kPrimary, kSecondary));
  EXPECT_EQ(settings.endpoints[1].path, "/test");
}

TEST_F(EndpointFileTest, JoinsTheEndpointOfFlagsAndEnvironmentToThoseOfTheFile) {
  const auto outcome = Read("[endpoint.connect]\npath = \"/connect\"\nsigning-secrets = [\"" + kConnect + "\"]\n",
                            {{"KEYSTRAND_SIGNING_SECRETS", kPrimary}, {"KEYSTRAND_EXPECTED_MODE", "live"}});
  ASSERT_TRUE(outcome.ready) << outcome.text;
  ASSERT_EQ(settings.endpoints.size(), 2u);
  EXPECT_EQ(settings.endpoints[0].name, "default");
  EXPECT_EQ(settings.endpoints[0].path, "/webhooks/stripe");
  EXPECT_EQ(settings.endpoints[0].expected_mode, "live");
  EXPECT_EQ(settings.endpoints[1].name, "connect");
}

TEST_F(EndpointFileTest, RefusesWhatItDoesNotKnow) {
  const auto outcome =
      Read("[endpoint.a]\npath = [\"/a\", \"/b\"]\nsecret = \"x\"\nsigning-secrets = [\"" + kPrimary + "\"]\n");
  EXPECT_FALSE(outcome.ready);
  EXPECT_THAT(outcome.text, HasSubstr("endpoint.a.secret: no such key"));
  EXPECT_THAT(outcome.text, HasSubstr("endpoint.a.path: give one value"));
}

TEST_F(EndpointFileTest, RefusesHalfOfATlsAndAProxyThatNobodyTrusts) {
  const auto outcome =
      Read("signing-secrets = \"" + kPrimary + "\"\ntls-key-file = \"/k\"\nclient-address = \"proxy-protocol\"\n");
  EXPECT_FALSE(outcome.ready);
  EXPECT_THAT(outcome.text, HasSubstr("tls-certificate-file and tls-key-file: give both, or neither"));
  EXPECT_THAT(outcome.text, HasSubstr("trusted-proxies: give the proxies' addresses"));
}

TEST_F(EndpointFileTest, RefusesACertificateThatIsNotThereAndAProxyThatIsNoAddress) {
  const auto outcome = Read("signing-secrets = \"" + kPrimary +
                            "\"\ntls-certificate-file = \"/no/such.crt\"\ntls-key-file = \"/no/such.key\"\n"
                            "client-address = \"forwarded-for\"\ntrusted-proxies = [\"10.0.0.0/8\", \"proxy\"]\n");
  EXPECT_FALSE(outcome.ready);
  EXPECT_THAT(outcome.text, HasSubstr("/no/such.crt: cannot be used"));
  EXPECT_THAT(outcome.text, HasSubstr("trusted-proxies: proxy: neither an address"));
}

}  // namespace
}  // namespace keystrand::receiver
