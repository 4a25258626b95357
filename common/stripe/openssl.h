#pragma once

#include <openssl/evp.h>

#include <span>
#include <string>

#include "common/core/owner.h"

/// Owners of OpenSSL's handles, and what its .cc files share. Included by this folder only.
namespace keystrand::stripe {

using MacHandle = Owner<EVP_MAC, EVP_MAC_free>;
using MacContext = Owner<EVP_MAC_CTX, EVP_MAC_CTX_free>;
using DigestHandle = Owner<EVP_MD, EVP_MD_free>;

/// Aborts unless `done`: with fixed algorithms OpenSSL fails only without memory or without its providers.
void Require(bool done);

/// Two lower-case digits per byte.
std::string LowerHex(std::span<const unsigned char> bytes);

}  // namespace keystrand::stripe
