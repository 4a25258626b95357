#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace keystrand {

/// Why something failed, named by what the caller can do about it. The names (NameOf) are an interface: metrics, the
/// `dlq-error-code` header and the tables use them.
enum class ErrorCode : std::uint8_t {
  kMalformed,         ///< these bytes will never parse
  kUnsupported,       ///< parses, but no reader knows this shape
  kUnauthenticated,   ///< signature or timestamp rejected (receiver only)
  kRejected,          ///< the database says never: SQLSTATE 22*, 23* but 23503, 54*
  kMissingReference,  ///< the row it needs is not here yet: 23503
  kTimeout,           ///< took longer than its limit while the database was well
  kConflict,          ///< lost a race: serialization failure, deadlock, a row another partition wrote first
  kUnavailable,       ///< broker or database out of reach, or outcome in doubt
  kMisdeployed,       ///< table, column or right missing: 42*
  kInternal,          ///< our bug
  kCrashed,           ///< the process died on it repeatedly
};

/// What the engine does about an error: design in README "How it works".
enum class Disposition : std::uint8_t {
  kDeadLetter,    ///< at once: trying again cannot help
  kRetryCounted,  ///< try again later; the attempt counts
  kRetryNow,      ///< try again with jitter; not counted
  kHold,          ///< wait for the dependency; not counted
  kOpenBreaker,   ///< a deploy fault: stop this handler, not counted
  kRefuse,        ///< never reaches a worker
};

struct Error {
  ErrorCode code;
  std::string detail;  ///< for operators: no payload, secret or personal data
};

constexpr std::string_view NameOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kMalformed: return "malformed";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kUnauthenticated: return "unauthenticated";
    case ErrorCode::kRejected: return "rejected";
    case ErrorCode::kMissingReference: return "missing_reference";
    case ErrorCode::kTimeout: return "timeout";
    case ErrorCode::kConflict: return "conflict";
    case ErrorCode::kUnavailable: return "unavailable";
    case ErrorCode::kMisdeployed: return "misdeployed";
    case ErrorCode::kInternal: return "internal";
    case ErrorCode::kCrashed: return "crashed";
  }
  std::abort();
}

constexpr Disposition DispositionOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kMalformed:
    case ErrorCode::kUnsupported:
    case ErrorCode::kRejected:
    case ErrorCode::kCrashed: return Disposition::kDeadLetter;
    case ErrorCode::kMissingReference:
    case ErrorCode::kTimeout:
    case ErrorCode::kInternal: return Disposition::kRetryCounted;
    case ErrorCode::kConflict: return Disposition::kRetryNow;
    case ErrorCode::kUnavailable: return Disposition::kHold;
    case ErrorCode::kMisdeployed: return Disposition::kOpenBreaker;
    case ErrorCode::kUnauthenticated: return Disposition::kRefuse;
  }
  std::abort();
}

}  // namespace keystrand
