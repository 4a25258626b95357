#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace keystrand::worker::store {

/// A statement, prepared on a connection when it is first used there. `name` is a constant and the `operation` label.
struct Statement {
  const char* name = nullptr;
  const char* sql = nullptr;
  /// The SQLSTATE it fails with where another transaction was first, which is then kConflict; empty: none. 23505 means
  /// so only of a primary key: another unique index says something about the row.
  const char* conflict = "";
};

/// The rows of one statement. Cheap to copy; views stay valid as long as any copy lives.
class Rows {
 public:
  class Data;
  explicit Rows(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t columns() const;
  [[nodiscard]] std::size_t affected() const;  ///< rows inserted, updated or deleted
  [[nodiscard]] bool IsNull(std::size_t row, int column) const;
  [[nodiscard]] std::string_view Text(std::size_t row, int column) const;  ///< "" for null
  [[nodiscard]] std::int64_t Int(std::size_t row, int column) const;       ///< 0 for null
  [[nodiscard]] bool Flag(std::size_t row, int column) const;              ///< false for null

 private:
  std::shared_ptr<const Data> data_;
};

}  // namespace keystrand::worker::store
