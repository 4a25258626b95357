#pragma once

#include <cstddef>
#include <utility>

#include "worker/store/connection.h"
#include "worker/store/statement.h"

namespace keystrand::worker::store {

/// What Rows shows.
class Rows::Data {
 public:
  explicit Data(ResultHandle result) : rows(std::move(result)) {}
  ResultHandle rows;
};

/// Rows inserted, updated or deleted.
std::size_t AffectedBy(const ResultHandle& result);

}  // namespace keystrand::worker::store
