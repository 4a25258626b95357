#include "common/metrics/labels.h"

#include <string>

namespace keystrand::metrics {
namespace {

/// The label of this name, or the last one, which is "other".
template <typename L>
L Named(std::string_view name) {
  const auto& values = kLabelValues<L>;
  const auto found = std::find(values.begin(), values.end() - 1, name);
  return static_cast<L>(found - values.begin());
}

}  // namespace

StatusCode StatusCodeOf(int status) { return Named<StatusCode>(std::to_string(status)); }

CodeClass CodeClassOf(int status) {
  if (status >= 500) return CodeClass::k5xx;
  return status >= 400 ? CodeClass::k4xx : CodeClass::k2xx;
}

ClientError ClientErrorOf(std::string_view librdkafka_name) { return Named<ClientError>(librdkafka_name); }

DatabaseErrorClass DatabaseErrorClassOf(std::string_view sqlstate) {
  if (sqlstate.empty() || sqlstate.starts_with("08")) return DatabaseErrorClass::kConnection;
  if (sqlstate == "40001") return DatabaseErrorClass::kSerialization;
  if (sqlstate == "40P01") return DatabaseErrorClass::kDeadlock;
  if (sqlstate.starts_with("23")) return DatabaseErrorClass::kConstraint;
  if (sqlstate == "57014" || sqlstate == "55P03" || sqlstate.starts_with("25P0")) return DatabaseErrorClass::kTimeout;
  if (sqlstate.starts_with("42") || sqlstate.starts_with("3F")) return DatabaseErrorClass::kSchema;
  const bool away = sqlstate.starts_with("57P") || sqlstate.starts_with("53") || sqlstate.starts_with("28");
  return away ? DatabaseErrorClass::kConnection : DatabaseErrorClass::kOther;
}

}  // namespace keystrand::metrics
