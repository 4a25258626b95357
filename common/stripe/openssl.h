#pragma once

#include <openssl/evp.h>

#include <memory>
#include <span>
#include <string>

/// Owners of OpenSSL's handles, and what its .cc files share. Included by this folder only.
namespace keystrand::stripe {

template <auto Free>
struct Freer {
  template <typename T>
  void operator()(T* handle) const noexcept {
    Free(handle);
  }
};

using MacHandle = std::unique_ptr<EVP_MAC, Freer<EVP_MAC_free>>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, Freer<EVP_MAC_CTX_free>>;
using DigestHandle = std::unique_ptr<EVP_MD, Freer<EVP_MD_free>>;

/// Aborts unless `done`: with fixed algorithms OpenSSL fails only without memory or without its providers.
void Require(bool done);

/// Two lower-case digits per byte.
std::string LowerHex(std::span<const unsigned char> bytes);

}  // namespace keystrand::stripe
