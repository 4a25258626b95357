#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "common/core/error.h"

namespace keystrand {

/// A value or an Error. The one header that names the library: std::expected once we are on C++23.
template <typename T = void>
using Result = tl::expected<T, Error>;

/// Builds every failure: `return Fail(ErrorCode::kMalformed, "no id");`
[[nodiscard]] inline tl::unexpected<Error> Fail(ErrorCode code, std::string detail) {
  return tl::unexpected<Error>(Error{code, std::move(detail)});
}

/// Hands a failure on: `if (!parsed) return Fail(parsed.error());`
[[nodiscard]] inline tl::unexpected<Error> Fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

}  // namespace keystrand
