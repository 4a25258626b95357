#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "common/stripe/envelope.h"
#include "common/stripe/signature_verifier.h"
#include "stripe_data.h"

/// What the worst header and the worst body may cost: processor time of this thread, the best of some rounds, so that
/// other work on the machine does not count.
namespace keystrand::stripe {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
constexpr int kAllowance = 1;
#else
constexpr int kAllowance = 20;  // sanitizers and unoptimised code
#endif

nanoseconds ProcessorTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

template <typename Work>
nanoseconds CostOf(const Work& work) {
  nanoseconds best = nanoseconds::max();
  for (int round = 0; round < 50; ++round) {
    const nanoseconds begin = ProcessorTime();
    work();
    best = std::min(best, ProcessorTime() - begin);
  }
  return best;
}

std::string CustomerWith(std::string_view members) {
  return EventAround("customer.updated",
                     std::string(R"({"id":"cus_1","object":"customer","x":{)").append(members) + "}}");
}

std::string HundredThousandKeys() {
  std::string keys;
  for (int i = 0; i < 100'000; ++i) {
    keys += keys.empty() ? "\"" : ",\"";
    for (int rest = i, digits = 0; digits < 4; ++digits, rest /= 36) {
      keys += "0123456789abcdefghijklmnopqrstuvwxyz"[rest % 36];
    }
    keys += "\":0";
  }
  return keys;
}

/// Distinct names that the hash of Java's strings cannot tell apart: nor it "Aa" from "BB", wherever they stand.
std::string KeysOfEqualHash() {
  std::string keys;
  for (int i = 0; i < 1 << 14; ++i) {
    keys += keys.empty() ? "\"" : ",\"";
    for (int bit = 0; bit < 14; ++bit) keys += (i >> bit & 1) != 0 ? "BB" : "Aa";
    keys += "\":0";
  }
  return keys;
}

TEST(HostileCostTest, HeaderOfCommasAndJunkTakesMicroseconds) {
  const SignatureVerifier verifier({"whsec_test_invented_for_this_test"}, 300s);
  const std::string commas(2000, ',');
  std::string junk;
  while (junk.size() < 4000) junk += "v1=,";
  for (const std::string& header : {commas, junk, commas + "t=1,v1=" + std::string(64, '0')}) {
    const auto cost = CostOf([&] { (void)verifier.Verify("{}", header, {}); });
    EXPECT_LE(cost, 50us * kAllowance) << header.size() << " bytes: " << cost.count() << " ns";
  }
}

TEST(HostileCostTest, BodyOfManyKeysTakesMilliseconds) {
  for (const std::string& body : {CustomerWith(HundredThousandKeys()), CustomerWith(KeysOfEqualHash())}) {
    ASSERT_TRUE(ParseEnvelope(body, ""));
    const auto cost = CostOf([&] { (void)ParseEnvelope(body, ""); });
    EXPECT_LE(cost, 20ms * kAllowance) << body.size() << " bytes: " << cost.count() << " ns";
  }
}

}  // namespace
}  // namespace keystrand::stripe
