#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace keystrand::bench {

using Digest = std::array<unsigned char, 32>;

/// Lower-case hex; `to` has room for 64 characters.
void WriteHex(const Digest& digest, char* to);
std::string Hex(const Digest& digest);

Digest Sha256(std::string_view bytes);

/// HMAC-SHA256 under one key, by OpenSSL and not by the code under test: a fault in ours would show as refusals.
class Signer {
 public:
  explicit Signer(const std::string& secret);
  ~Signer();
  Signer(Signer&&) noexcept;
  Signer& operator=(Signer&&) noexcept;

  /// Stripe's v1 signature: over "<signed_at>.<body>".
  Digest Sign(std::string_view signed_at, std::string_view body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace keystrand::bench
