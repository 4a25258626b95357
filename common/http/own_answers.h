#pragma once

#include <string_view>

#include "common/http/response.h"

/// What the server answers by itself. Included by this folder's .cc files only.
namespace keystrand::http {

/// To a request that the framing policy refuses (each of its statuses), that fails (500) or for which there is no room
/// (503).
[[nodiscard]] const Response& OwnAnswer(int status);

/// Whole answers for connections that are shed before they have a request.
[[nodiscard]] std::string_view Busy();
[[nodiscard]] std::string_view TooManyConnections();

}  // namespace keystrand::http
