#include "common/stripe/sha256.h"

#include <array>

#include "common/stripe/openssl.h"

namespace keystrand::stripe {

std::string Sha256Hex(std::string_view bytes) {
  // Fetched once: the implicit fetch of SHA256() costs more than hashing a short body.
  static const DigestHandle sha256(EVP_MD_fetch(nullptr, "SHA256", nullptr));
  Require(sha256 != nullptr);
  std::array<unsigned char, 32> digest{};
  Require(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, sha256.get(), nullptr) == 1);
  return LowerHex(digest);
}

}  // namespace keystrand::stripe
