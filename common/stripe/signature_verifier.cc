#include "common/stripe/signature_verifier.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <utility>

#include "common/stripe/openssl.h"

namespace keystrand::stripe {

/// An HMAC context that has taken its secret in, copied for each delivery: the copy costs 0.4 µs, keying anew 1 µs
/// more.
struct SignatureVerifier::Key {
  std::size_t secret_index;
  MacContext context;
};

namespace {

using Failure = tl::unexpected<SignatureFailure>;
using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kTimestampDigitsMax = 18;  // any such number fits 64 bits, and so does its distance to now
constexpr std::size_t kV1Max = 16;               // Stripe sends one per active secret: a bound on a stranger's work

struct SignatureHeader {
  std::string_view signed_at_text;  // as received: it is part of what was signed
  std::array<std::string_view, kV1Max> v1;
  std::size_t v1_count = 0;
};

std::string_view TrimBlanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// Cuts `text` at its first `separator`: what is before, and what is after (nothing if there is none).
std::pair<std::string_view, std::string_view> Cut(std::string_view text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return {text, {}};
  return {text.substr(0, at), text.substr(at + 1)};
}

bool IsCanonicalTimestamp(std::string_view text) {
  if (text.empty() || text.size() > kTimestampDigitsMax) return false;
  if (text.front() == '0' && text.size() > 1) return false;
  return text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// Takes one element of the header in; false if it makes the header malformed.
bool TakeElement(std::string_view element, SignatureHeader& header) {
  const auto [name, value] = Cut(element, '=');
  if (name != "t" && name != "v1") return true;
  if (name.size() == element.size()) return false;  // no "="
  if (name == "v1") {
    if (header.v1_count == kV1Max) return false;
    header.v1.at(header.v1_count++) = value;
    return true;
  }
  const bool repeated = !header.signed_at_text.empty();
  header.signed_at_text = value;
  return !repeated && IsCanonicalTimestamp(value);
}

tl::expected<SignatureHeader, SignatureFailure> ParseSignatureHeader(std::string_view text) {
  if (TrimBlanks(text).empty()) return Failure(SignatureFailure::kMissingHeader);
  SignatureHeader header;
  while (!text.empty()) {
    const auto [element, rest] = Cut(text, ',');
    if (!TakeElement(TrimBlanks(element), header)) return Failure(SignatureFailure::kMalformedHeader);
    text = rest;
  }
  if (header.signed_at_text.empty()) return Failure(SignatureFailure::kMalformedHeader);
  if (header.v1_count == 0) return Failure(SignatureFailure::kNoV1Signature);
  return header;
}

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

MacContext KeyedContext(std::string_view secret) {
  static const MacHandle hmac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  Require(hmac != nullptr);
  MacContext context(EVP_MAC_CTX_new(hmac.get()));
  Require(context != nullptr);
  std::string digest = "SHA256";
  const std::array parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_end(),
  };
  Require(EVP_MAC_init(context.get(), Bytes(secret), secret.size(), parameters.data()) == 1);
  return context;
}

/// Lower-case hex HMAC-SHA256 of "<signed_at>.<payload>", taken in piece by piece: the body is not copied.
std::string ExpectedSignature(const EVP_MAC_CTX* keyed, std::string_view signed_at, std::string_view payload) {
  const MacContext context(EVP_MAC_CTX_dup(keyed));
  Require(context != nullptr);
  for (const std::string_view part : {signed_at, std::string_view("."), payload}) {
    Require(EVP_MAC_update(context.get(), Bytes(part), part.size()) == 1);
  }
  std::array<unsigned char, kDigestBytes> digest{};
  std::size_t size = 0;
  Require(EVP_MAC_final(context.get(), digest.data(), &size, digest.size()) == 1 && size == digest.size());
  return LowerHex(digest);
}

bool AnyEquals(const SignatureHeader& header, std::string_view expected) {
  bool equals = false;  // no early exit: the time taken tells nothing about which one matched
  for (std::size_t i = 0; i < header.v1_count; ++i) {
    const std::string_view candidate = header.v1.at(i);
    if (candidate.size() != expected.size()) continue;
    equals |= CRYPTO_memcmp(candidate.data(), expected.data(), expected.size()) == 0;
  }
  return equals;
}

sys_seconds SignedAt(std::string_view digits) {
  seconds::rep value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return sys_seconds(seconds(value));
}

}  // namespace

std::string_view NameOf(SignatureFailure failure) {
  switch (failure) {
    case SignatureFailure::kNoSecret: return "no_secret";
    case SignatureFailure::kMissingHeader: return "missing_header";
    case SignatureFailure::kMalformedHeader: return "malformed_header";
    case SignatureFailure::kNoV1Signature: return "no_v1_signature";
    case SignatureFailure::kEmptyPayload: return "empty_payload";
    case SignatureFailure::kSignatureMismatch: return "signature_mismatch";
    case SignatureFailure::kTimestampTooOld: return "timestamp_too_old";
    case SignatureFailure::kTimestampInFuture: return "timestamp_in_future";
  }
  std::abort();
}

SignatureVerifier::SignatureVerifier(std::vector<std::string> secrets, seconds tolerance) : tolerance_(tolerance) {
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    if (secrets[i].empty()) continue;  // anyone can sign with the empty key
    keys_.push_back(Key{i, KeyedContext(secrets[i])});
    OPENSSL_cleanse(secrets[i].data(), secrets[i].size());
  }
}

SignatureVerifier::~SignatureVerifier() = default;
SignatureVerifier::SignatureVerifier(SignatureVerifier&&) noexcept = default;
SignatureVerifier& SignatureVerifier::operator=(SignatureVerifier&&) noexcept = default;

tl::expected<Signed, SignatureFailure> SignatureVerifier::Verify(std::string_view payload, std::string_view header,
                                                                 sys_seconds now) const {
  if (keys_.empty()) return Failure(SignatureFailure::kNoSecret);
  const auto parsed = ParseSignatureHeader(header);
  if (!parsed) return Failure(parsed.error());
  if (payload.empty()) return Failure(SignatureFailure::kEmptyPayload);

  std::optional<std::size_t> matched;
  for (const Key& key : keys_) {  // all of them, whichever matches
    const bool equals = AnyEquals(*parsed, ExpectedSignature(key.context.get(), parsed->signed_at_text, payload));
    if (equals && !matched) matched = key.secret_index;
  }
  if (!matched) return Failure(SignatureFailure::kSignatureMismatch);

  const sys_seconds signed_at = SignedAt(parsed->signed_at_text);  // judged last: only the signer learns it came late
  if (now - signed_at > tolerance_) return Failure(SignatureFailure::kTimestampTooOld);
  if (signed_at - now > tolerance_) return Failure(SignatureFailure::kTimestampInFuture);
  return Signed{*matched, signed_at};
}

}  // namespace keystrand::stripe
