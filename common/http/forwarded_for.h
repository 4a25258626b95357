#pragma once

#include <optional>
#include <string>

#include "common/http/networks.h"
#include "common/http/request_head.h"

/// Included by this folder's .cc files only.
namespace keystrand::http {

/// The last address in the request's X-Forwarded-For fields that is not a trusted proxy's: what stands before it was
/// written by somebody who is not trusted. Nothing if there is none, or where something else than an address stands.
[[nodiscard]] std::optional<std::string> ForwardedFor(const RequestHead& head, const Networks& trusted);

}  // namespace keystrand::http
