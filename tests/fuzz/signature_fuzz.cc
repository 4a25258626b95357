#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "common/stripe/signature_verifier.h"
#include "tests/fuzz/target.h"

/// The input is a Stripe-Signature header, a newline, and the body. As no fuzzer guesses an HMAC, "{0}" and "{1}" in
/// the header stand for the right signature by the first and the second secret.
namespace keystrand::fuzz {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;
using stripe::SignatureFailure;
using stripe::Signed;
using Verdict = tl::expected<Signed, SignatureFailure>;

const std::vector<std::string> kSecrets = {"whsec_invented_for_fuzzing_1", "whsec_invented_for_fuzzing_2"};
constexpr seconds kTolerance(300);
constexpr sys_seconds kNow(seconds(1'767'225'600));

// --- A second verification, from Stripe's documentation alone, with OpenSSL's one-shot HMAC. ---

std::string Hmac(const std::string& secret, const std::string& text) {
  std::array<unsigned char, 32> digest{};
  unsigned size = 0;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes, text.size(), digest.data(), &size);
  std::string hex;
  for (const unsigned byte : digest) hex.append({"0123456789abcdef"[byte / 16], "0123456789abcdef"[byte % 16]});
  return hex;
}

std::string Stripped(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

struct PlainHeader {
  std::vector<std::string> times;  // all values of t
  std::vector<std::string> signatures;
  bool sound = true;  // every t and v1 has a value
};

PlainHeader ReadPlainly(const std::string& header) {
  PlainHeader plain;
  for (std::size_t begin = 0; begin <= header.size();) {
    const std::size_t end = std::min(header.find(',', begin), header.size());
    const std::string element = Stripped(header.substr(begin, end - begin));
    const bool named_only = element == "t" || element == "v1";
    if (named_only) plain.sound = false;
    if (element.starts_with("t=")) plain.times.push_back(element.substr(2));
    if (element.starts_with("v1=")) plain.signatures.push_back(element.substr(3));
    begin = end + 1;
  }
  return plain;
}

bool IsTime(const std::string& text) {
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  return digits && text.size() <= 18 && (text == "0" || text.front() != '0');
}

std::optional<std::size_t> MatchingSecret(const PlainHeader& header, const std::string& body) {
  for (std::size_t i = 0; i < kSecrets.size(); ++i) {
    const std::string right = Hmac(kSecrets[i], header.times.front() + "." + body);
    for (const auto& signature : header.signatures) {
      if (signature == right) return i;
    }
  }
  return std::nullopt;
}

Verdict VerifyPlainly(const std::string& header, const std::string& body) {
  const auto refused = [](SignatureFailure failure) { return tl::unexpected<SignatureFailure>(failure); };
  if (Stripped(header).empty()) return refused(SignatureFailure::kMissingHeader);
  const PlainHeader plain = ReadPlainly(header);
  const bool timed = plain.times.size() == 1 && IsTime(plain.times.front());
  if (!plain.sound || !timed || plain.signatures.size() > 16) return refused(SignatureFailure::kMalformedHeader);
  if (plain.signatures.empty()) return refused(SignatureFailure::kNoV1Signature);
  if (body.empty()) return refused(SignatureFailure::kEmptyPayload);
  const auto secret = MatchingSecret(plain, body);
  if (!secret) return refused(SignatureFailure::kSignatureMismatch);
  const sys_seconds signed_at{seconds(std::stoll(plain.times.front()))};
  if (signed_at + kTolerance < kNow) return refused(SignatureFailure::kTimestampTooOld);
  if (signed_at > kNow + kTolerance) return refused(SignatureFailure::kTimestampInFuture);
  return Signed{*secret, signed_at};
}

// --- What is promised. ---

/// The header with "{0}" and "{1}" replaced, for its first t.
std::string WithSignatures(std::string header, const std::string& body) {
  const PlainHeader plain = ReadPlainly(header);
  const std::string time = plain.times.empty() ? "" : plain.times.front();
  for (std::size_t at = header.find('{'); at != std::string::npos; at = header.find('{', at + 1)) {
    const std::string mark = header.substr(at, 3);
    if (mark == "{0}" || mark == "{1}") header.replace(at, 3, Hmac(kSecrets[mark == "{0}" ? 0 : 1], time + "." + body));
  }
  return header;
}

const stripe::SignatureVerifier& Verifier() {
  static const stripe::SignatureVerifier verifier(kSecrets, kTolerance);
  return verifier;
}

bool Same(const Verdict& a, const Verdict& b) {
  if (!a || !b) return a.has_value() == b.has_value() && a.error() == b.error();
  return a->secret_index == b->secret_index && a->signed_at == b->signed_at;
}

/// Any one digit of a signature that is changed makes it wrong: spoils one of each, chosen by the body.
void CheckEveryDigitCounts(const std::string& header, const std::string& body) {
  std::string spoilt = header;
  std::size_t chosen = body.size();
  for (const char c : body) chosen = chosen * 31 + static_cast<unsigned char>(c);
  for (const auto& signature : ReadPlainly(header).signatures) {
    if (signature.size() != 64) continue;
    const std::size_t at = spoilt.find(signature) + chosen % 64;
    spoilt[at] = spoilt[at] == '0' ? '1' : '0';
  }
  Check(Same(Verifier().Verify(body, spoilt, kNow), VerifyPlainly(spoilt, body)), "every digit of a signature counts");
}

void CheckEveryByteCounts(const std::string& header, std::string body) {
  body[body.size() / 2] = static_cast<char>(body[body.size() / 2] ^ 1);
  Check(!Verifier().Verify(body, header, kNow), "every byte of the body counts");
}

}  // namespace

std::size_t NanosecondsPerByteMax() { return 10; }

void RunInput(std::string_view input) {
  constexpr std::size_t kFieldBytesMax = 4096;  // the framing policy lets no longer header through
  const std::size_t newline = std::min({input.find('\n'), input.size(), kFieldBytesMax});
  const std::string body(input.substr(std::min(newline + 1, input.size())));
  const std::string header = WithSignatures(std::string(input.substr(0, newline)), body);
  const Verdict verdict = Timed(input.size(), [&] { return Verifier().Verify(body, header, kNow); });
  Check(Same(verdict, VerifyPlainly(header, body)), "the verdict is that of the second verification");
  if (!verdict) return Check(!stripe::NameOf(verdict.error()).empty(), "every failure has a name");
  CheckEveryDigitCounts(header, body);
  CheckEveryByteCounts(header, body);
}

}  // namespace keystrand::fuzz
