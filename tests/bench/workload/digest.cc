#include "tests/bench/workload/digest.h"

#include <openssl/evp.h>
#include <openssl/params.h>

#include <cstdlib>

namespace keystrand::bench {
namespace {

/// A failure of OpenSSL here is lack of memory or a broken installation: nothing a benchmark can go on with.
void Require(bool ok) {
  if (!ok) std::abort();
}

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

struct FreeMac {
  void operator()(EVP_MAC* mac) const noexcept { EVP_MAC_free(mac); }
  void operator()(EVP_MAC_CTX* context) const noexcept { EVP_MAC_CTX_free(context); }
};

}  // namespace

struct Signer::State {
  std::unique_ptr<EVP_MAC, FreeMac> mac{EVP_MAC_fetch(nullptr, "HMAC", nullptr)};
  std::unique_ptr<EVP_MAC_CTX, FreeMac> context{EVP_MAC_CTX_new(mac.get())};
};

Signer::Signer(const std::string& secret) : state_(std::make_unique<State>()) {
  char digest_name[] = "SHA256";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest_name, 0), OSSL_PARAM_construct_end()};
  Require(EVP_MAC_init(state_->context.get(), Bytes(secret), secret.size(), params) == 1);
}

Signer::~Signer() = default;
Signer::Signer(Signer&&) noexcept = default;
Signer& Signer::operator=(Signer&&) noexcept = default;

Digest Signer::Sign(std::string_view signed_at, std::string_view body) {
  EVP_MAC_CTX* context = state_->context.get();
  Digest digest;
  std::size_t length = 0;
  Require(EVP_MAC_init(context, nullptr, 0, nullptr) == 1);  // the key stays
  Require(EVP_MAC_update(context, Bytes(signed_at), signed_at.size()) == 1);
  Require(EVP_MAC_update(context, Bytes("."), 1) == 1);
  Require(EVP_MAC_update(context, Bytes(body), body.size()) == 1);
  Require(EVP_MAC_final(context, digest.data(), &length, digest.size()) == 1 && length == digest.size());
  return digest;
}

Digest Sha256(std::string_view bytes) {
  Digest digest;
  Require(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr) == 1);
  return digest;
}

void WriteHex(const Digest& digest, char* to) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const unsigned char byte : digest) {
    *to++ = kDigits[byte >> 4];
    *to++ = kDigits[byte & 15];
  }
}

std::string Hex(const Digest& digest) {
  std::string text(2 * digest.size(), '\0');
  WriteHex(digest, text.data());
  return text;
}

}  // namespace keystrand::bench
