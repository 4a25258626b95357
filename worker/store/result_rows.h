#pragma once

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

}  // namespace keystrand::worker::store
