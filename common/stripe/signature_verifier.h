#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.h"

namespace keystrand::stripe {

/// Why a delivery is not believed, in the order in which the checks are made. All are answered alike; the difference is
/// for metrics and operators. kNoSecret is the operator's fault, the others are the sender's.
enum class SignatureFailure : std::uint8_t {
  kNoSecret,           ///< no signing secret is configured (an empty one is never a key)
  kMissingHeader,      ///< absent or blank
  kMalformedHeader,    ///< no or several t, t not a plain decimal, t or v1 without "=", more than 16 v1
  kNoV1Signature,      ///< only other schemes: accepting one of them would be a downgrade
  kEmptyPayload,       ///< nothing to verify
  kSignatureMismatch,  ///< no v1 is right for any secret
  kTimestampTooOld,    ///< authentic, but signed before now - tolerance
  kTimestampInFuture,  ///< authentic, but signed after now + tolerance
};

/// snake_case, e.g. "signature_mismatch".
std::string_view NameOf(SignatureFailure failure);

/// What a believed delivery proves.
struct Signed {
  std::size_t secret_index = 0;             ///< which secret matched, as given to the constructor; 0 = primary
  std::chrono::sys_seconds signed_at = {};  ///< Stripe's clock, fresh for each delivery attempt
};

/// Checks the Stripe-Signature header of a delivery. Immutable after construction: thread-safe, replace it as a whole
/// to rotate secrets. Movable.
class SignatureVerifier {
 public:
  /// `secrets`: verbatim, with their whsec_ prefix, the primary first; empty ones are skipped but keep their index.
  /// `tolerance`: how far t may be from now, inclusive, either way; positive.
  SignatureVerifier(std::vector<std::string> secrets, std::chrono::seconds tolerance);
  ~SignatureVerifier();
  SignatureVerifier(SignatureVerifier&&) noexcept;
  SignatureVerifier& operator=(SignatureVerifier&&) noexcept;

  /// `payload`: body bytes exactly as received. `header`: "t=<Unix s>,v1=<64 lower-case hex>[,v1=…]", several v1 while
  /// a secret is rolled, at most 16, other schemes ignored; empty when the header is absent. `now`: wall clock. The
  /// time taken does not depend on which secret or signature matched, nor on where one differs. Source: Stripe webhook
  /// docs, "Verify manually".
  [[nodiscard]] tl::expected<Signed, SignatureFailure> Verify(std::string_view payload, std::string_view header,
                                                              std::chrono::sys_seconds now) const;

 private:
  struct Key;
  std::vector<Key> keys_;
  std::chrono::seconds tolerance_;
};

}  // namespace keystrand::stripe
