#include "worker/store/errors.h"

#include <algorithm>
#include <array>

namespace keystrand::worker::store {
namespace {

struct Row {
  std::string_view prefix;
  ErrorCode code;
};

/// The longest prefix wins.
constexpr std::array kTable = {
    Row{"22", ErrorCode::kRejected},  // data exception
    Row{"23", ErrorCode::kRejected},  // integrity constraint
    Row{"23503", ErrorCode::kMissingReference},
    Row{"54", ErrorCode::kRejected},        // program limit exceeded: a row or index entry too large
    Row{"25P03", ErrorCode::kTimeout},      // idle in transaction
    Row{"57014", ErrorCode::kTimeout},      // statement cancelled
    Row{"40001", ErrorCode::kConflict},     // serialization failure
    Row{"40P01", ErrorCode::kConflict},     // deadlock
    Row{"55P03", ErrorCode::kConflict},     // lock not available
    Row{"08", ErrorCode::kUnavailable},     // connection
    Row{"57P", ErrorCode::kUnavailable},    // shutdown, crash, starting up, idle session
    Row{"53", ErrorCode::kUnavailable},     // disk, memory, connections exhausted
    Row{"58", ErrorCode::kUnavailable},     // system error
    Row{"28", ErrorCode::kUnavailable},     // authorization: credentials are read again
    Row{"3D000", ErrorCode::kUnavailable},  // database does not exist (yet, or after a failover)
    Row{"25006", ErrorCode::kUnavailable},  // read-only: a standby
    Row{"42", ErrorCode::kMisdeployed},     // table, column or right missing
    Row{"26000", ErrorCode::kUnavailable},  // our prepared statement is gone: somebody reset the session
};

constexpr std::array kObjectsOnly = {"08", "25", "26", "28", "3D", "40", "42", "53", "55", "57", "58"};

}  // namespace

ErrorCode FromSqlState(std::string_view sqlstate) {
  if (sqlstate.empty()) return ErrorCode::kUnavailable;
  const Row* best = nullptr;
  for (const auto& row : kTable) {
    if (sqlstate.starts_with(row.prefix) && (best == nullptr || row.prefix.size() > best->prefix.size())) best = &row;
  }
  return best == nullptr ? ErrorCode::kInternal : best->code;
}

bool MessageNamesOnlyObjects(std::string_view sqlstate) {
  return std::any_of(kObjectsOnly.begin(), kObjectsOnly.end(),
                     [&](const char* prefix) { return sqlstate.starts_with(prefix); });
}

bool IsCorruption(std::string_view sqlstate) { return sqlstate == "XX001" || sqlstate == "XX002"; }

}  // namespace keystrand::worker::store
