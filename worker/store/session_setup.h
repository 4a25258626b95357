#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "common/core/result.h"
#include "worker/store/connection.h"
#include "worker/store/session.h"

namespace keystrand::worker::store {

/// The url (or key=value pairs) in its parts, with the password file's content and our defaults where it says nothing.
/// Errors: kUnavailable (the password cannot be read), kMisdeployed; the detail has no part of the url.
Result<Connection::Parameters> ParametersOf(const DatabaseSettings& settings);

/// So young a transaction leaves each statement the session's timeout; later ones get what is left.
std::chrono::milliseconds YouthOf(std::chrono::milliseconds transaction_timeout);

/// What each connection is told first: timeouts, how values are written, how statements are planned and committed.
std::vector<std::string> SessionSql(std::chrono::milliseconds transaction_timeout);

}  // namespace keystrand::worker::store
