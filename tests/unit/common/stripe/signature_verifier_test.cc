#include "common/stripe/signature_verifier.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "common/stripe/sha256.h"
#include "stripe_data.h"

namespace keystrand::stripe {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

struct Vector {
  std::string name;
  std::string payload;
  std::string header;
  std::vector<std::string> secrets;
  sys_seconds now;
  seconds tolerance;
  std::string expect;  // "ok" or the name of a failure
};

void PrintTo(const Vector& vector, std::ostream* out) { *out << vector.name; }

std::string FromBase64(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text.substr(0, text.find('='))) {
    bits = (bits << 6) | static_cast<std::uint32_t>(kAlphabet.find(c));
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>((bits >> count) & 0xFF));
  }
  return bytes;
}

seconds SecondsIn(const JsonNode& vector, const char* key) { return seconds(std::stoll(Find(vector, key)->text)); }

std::string VerdictIn(const JsonNode& vector) {
  const JsonNode* error = Find(vector, "error_kind");
  return error == nullptr ? Find(vector, "expect")->text : error->text;
}

std::vector<Vector> ReadVectors() {
  const JsonNode file = ReadJsonTree(ReadTestData("signature-vectors.json")).value();
  std::vector<Vector> vectors;
  for (const JsonNode& node : Find(file, "vectors")->items) {
    std::vector<std::string> secrets;
    for (const JsonNode& secret : Find(node, "secrets")->items) secrets.push_back(secret.text);
    vectors.push_back({Find(node, "name")->text, FromBase64(Find(node, "payload")->text), Find(node, "header")->text,
                       secrets, sys_seconds(SecondsIn(node, "now")), SecondsIn(node, "tolerance"), VerdictIn(node)});
  }
  return vectors;
}

std::string VerdictOn(const Vector& vector) {
  const auto verdict =
      SignatureVerifier(vector.secrets, vector.tolerance).Verify(vector.payload, vector.header, vector.now);
  return verdict ? "ok" : std::string(NameOf(verdict.error()));
}

class SignatureVectorTest : public testing::TestWithParam<Vector> {};

TEST_P(SignatureVectorTest, IsJudgedAsExpected) { EXPECT_EQ(VerdictOn(GetParam()), GetParam().expect); }

INSTANTIATE_TEST_SUITE_P(Stripe, SignatureVectorTest, testing::ValuesIn(ReadVectors()),
                         [](const auto& test) { return test.param.name; });

TEST(SignatureVectorsTest, AreAllThere) { EXPECT_EQ(ReadVectors().size(), 102U); }

/// A delivery that verifies; tests spoil one thing each.
const Vector& Valid() {
  static const Vector vector = ReadVectors().front();
  return vector;
}

std::string V1Of(const Vector& vector) { return vector.header.substr(vector.header.find("v1=")); }
std::string TimeOf(const Vector& vector) { return vector.header.substr(0, vector.header.find(',')); }

std::string HeaderWithV1(int wrong) {
  std::string header = TimeOf(Valid());
  for (int i = 0; i < wrong; ++i) header += ",v1=" + std::string(64, 'a');
  return header + "," + V1Of(Valid());
}

TEST(SignatureVerifierTest, SaysWhichSecretMatchedAndWhenItWasSigned) {
  const std::string right = Valid().secrets.front();
  const auto verdict_with = [](std::vector<std::string> secrets) {
    return SignatureVerifier(std::move(secrets), seconds(300)).Verify(Valid().payload, Valid().header, Valid().now);
  };
  EXPECT_EQ(verdict_with({right, "whsec_invented"})->secret_index, 0U);
  EXPECT_EQ(verdict_with({"whsec_invented", right})->secret_index, 1U);
  EXPECT_EQ(verdict_with({"", right})->secret_index, 1U) << "an empty secret is skipped, not renumbered";
  EXPECT_EQ(verdict_with({right, right})->secret_index, 0U);
  EXPECT_EQ(verdict_with({right})->signed_at, sys_seconds(seconds(1767225598)));
}

TEST(SignatureVerifierTest, NeverTakesTheEmptySecretForAKey) {
  const std::string forged = TimeOf(Valid()) + ",v1=cb24ad2d2b002882ab782c2d6a9151c9019f4fdc089a5839c298a1cfe436cb2b";
  const auto verdict_with = [&](std::vector<std::string> secrets) -> std::string_view {
    const SignatureVerifier verifier(std::move(secrets), seconds(300));
    const auto verdict = verifier.Verify(Valid().payload, forged, Valid().now);
    return verdict ? "ok" : NameOf(verdict.error());
  };
  EXPECT_EQ(verdict_with({""}), "no_secret");
  EXPECT_EQ(verdict_with({"", "whsec_invented"}), "signature_mismatch");
}

TEST(SignatureVerifierTest, ReadsAtMostSixteenSignatures) {
  const SignatureVerifier verifier(Valid().secrets, seconds(300));
  EXPECT_TRUE(verifier.Verify(Valid().payload, HeaderWithV1(15), Valid().now));
  const auto refused = verifier.Verify(Valid().payload, HeaderWithV1(16), Valid().now);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), SignatureFailure::kMalformedHeader);
}

TEST(SignatureVerifierTest, RefusesEverySingleFlippedBitOfTheBody) {
  const SignatureVerifier verifier(Valid().secrets, seconds(300));
  for (std::size_t i = 0; i < Valid().payload.size(); ++i) {
    std::string payload = Valid().payload;
    payload[i] = static_cast<char>(payload[i] ^ 1);
    const auto refused = verifier.Verify(payload, Valid().header, Valid().now);
    ASSERT_FALSE(refused);
    ASSERT_EQ(refused.error(), SignatureFailure::kSignatureMismatch);
  }
}

TEST(SignatureVerifierTest, RefusesEveryTruncatedSignature) {
  const SignatureVerifier verifier(Valid().secrets, seconds(300));
  for (std::size_t cut = 1; cut <= 64; ++cut) {
    const std::string header = Valid().header.substr(0, Valid().header.size() - cut);
    ASSERT_FALSE(verifier.Verify(Valid().payload, header, Valid().now)) << cut;
  }
}

TEST(SignatureVerifierTest, TakesJunkHeadersCalmly) {
  const SignatureVerifier verifier(Valid().secrets, seconds(300));
  std::string commas(2000, ',');
  std::string junk;
  while (junk.size() < 8192) junk += "v1=,";
  for (const std::string& header : {commas, junk, std::string(4096, '='), std::string("\0t=1", 4)}) {
    const auto refused = verifier.Verify(Valid().payload, header, Valid().now);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), SignatureFailure::kMalformedHeader);
  }
}

TEST(SignatureVerifierTest, KeepsJudgingAfterItWasMoved) {
  SignatureVerifier first(Valid().secrets, seconds(300));
  const SignatureVerifier second = std::move(first);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(second.Verify(Valid().payload, Valid().header, Valid().now));
}

TEST(Sha256HexTest, GivesThePublishedDigests) {  // FIPS 180-4 examples
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

}  // namespace
}  // namespace keystrand::stripe
