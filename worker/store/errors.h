#pragma once

#include <string_view>

#include "common/core/error.h"

namespace keystrand::worker::store {

/// What the engine does about an SQLSTATE: the one table that maps them. `sqlstate`: five characters, or empty when the
/// connection was lost. Source: PostgreSQL 15, appendix A.
ErrorCode FromSqlState(std::string_view sqlstate);

/// Whether the server's message under this SQLSTATE names tables, columns, files or settings, but never a row's values.
bool MessageNamesOnlyObjects(std::string_view sqlstate);

/// Whether the database says that its own files are damaged: the worker must stop, nothing may be retried.
bool IsCorruption(std::string_view sqlstate);

}  // namespace keystrand::worker::store
