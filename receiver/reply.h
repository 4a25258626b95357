#pragma once

#include "common/core/error.h"
#include "common/http/response.h"
#include "common/metrics/labels.h"

namespace keystrand::receiver {

/// The HTTP status that tells the sender about an error: the only place where errors become statuses. 400 only where
/// sending again can never help; everything else is 503, because the event may still be made durable later, and Stripe
/// sends again for three days. Never 500: that would be a promise that something is known about the record.
[[nodiscard]] int StatusOf(ErrorCode code);

/// The answer for each way a delivery can end by the endpoint's own decision. The bodies carry one fixed word.
[[nodiscard]] const http::Response& Accepted();
[[nodiscard]] const http::Response& Refused(ErrorCode code);
[[nodiscard]] const http::Response& NotFound();
[[nodiscard]] const http::Response& MethodNotAllowed();

}  // namespace keystrand::receiver
