#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "worker/store/session.h"

/// What operators see of and do to the breakers of handlers.
namespace keystrand::worker::store {

/// Dead letters that a closed breaker affords before it opens.
inline constexpr std::int64_t kBreakerTokensFull = 20;

/// A row of keystrand.breakers. Texts are empty where there are none.
struct BreakerState {
  std::string handler;
  std::string state;        ///< closed, open
  std::string tokens;       ///< dead letters it still affords: a decimal number
  std::string fingerprint;  ///< of what opened it
  std::optional<std::int64_t> opened_at_ms;
  std::string opened_by;
};

/// All, by handler.
Result<std::vector<BreakerState>> ListBreakers(Transaction& transaction);

/// The breaker of a handler, locked until the transaction ends. Empty: it has none.
Result<std::optional<BreakerState>> LockBreaker(Transaction& transaction, const std::string& handler);

/// Closes it, with all its tokens.
Result<> ResumeBreaker(Transaction& transaction, const std::string& handler);

/// Closes it, with so many tokens more than it has.
Result<> AcceptLetters(Transaction& transaction, const std::string& handler, std::int64_t letters);

}  // namespace keystrand::worker::store
