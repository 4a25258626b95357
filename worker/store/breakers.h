#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "worker/store/session.h"

namespace keystrand::worker::store {

/// A dead letter costs its handler a token, and this many successes earn one; so many a handler has when all is well.
inline constexpr int kBreakerSuccessesPerToken = 50;
inline constexpr int kBreakerTokens = 20;

/// Handlers that are stopped, by name.
Result<std::vector<std::string>> FindOpenBreakers(Transaction& transaction);

/// One dead letter of the handler, after `successes` since the last one. True: that was its last token, and it is
/// stopped now (or was before). `fingerprint`: of the letter; `worker`: who stops it.
Result<bool> SpendToken(Transaction& transaction, std::string_view handler, std::int64_t successes,
                        std::string_view fingerprint, const std::string& worker);

/// Stops the handler, whatever its tokens. `reason`: shown as its fingerprint.
Result<> OpenBreaker(Transaction& transaction, std::string_view handler, std::string_view reason,
                     const std::string& worker);

/// Makes the heads due that wait for a breaker: one that is still open takes them again, uncounted.
Result<> ReleaseBreakerStrands(Transaction& transaction, const std::string& topic,
                               const std::vector<std::int32_t>& partitions);

}  // namespace keystrand::worker::store
