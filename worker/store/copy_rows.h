#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace keystrand::worker::store {

/// A COPY of whole rows into a table, in the binary format. `name` is a constant and the `operation` label; `sql` lists
/// the columns in the order in which CopyRows gets them.
struct CopyStatement {
  const char* name;
  const char* sql;
  std::int16_t columns;
};

/// The rows of one COPY, built field by field, row after row. Each field has to be of its column's type: the server
/// checks lengths and values, not types.
class CopyRows {
 public:
  explicit CopyRows(const CopyStatement& statement);

  CopyRows& Text(std::string_view text);
  CopyRows& TextOrNull(std::string_view text) { return text.empty() ? Null() : Text(text); }
  CopyRows& Jsonb(std::string_view json);
  CopyRows& JsonbOrNull(std::string_view json) { return json.empty() ? Null() : Jsonb(json); }
  CopyRows& Integer(std::int32_t number);
  CopyRows& Bigint(std::int64_t number);
  CopyRows& Boolean(bool flag);
  /// timestamptz. What lies outside of PostgreSQL's years is refused there (22008), as by to_timestamp.
  CopyRows& UnixSeconds(std::int64_t seconds) { return UnixTime(seconds, 1'000'000); }
  CopyRows& UnixMilliseconds(std::int64_t milliseconds) { return UnixTime(milliseconds, 1'000); }
  CopyRows& Null();

  [[nodiscard]] std::size_t rows() const { return rows_; }
  /// Complete rows only.
  [[nodiscard]] std::string Take() &&;

 private:
  CopyRows& UnixTime(std::int64_t units, std::int64_t microseconds_each);
  /// The head of the next field, and before the first of a row that of the row.
  void Begin(std::uint32_t length);

  const std::int16_t columns_;
  std::int16_t column_ = 0;  ///< of the next field
  std::size_t rows_ = 0;     ///< begun
  std::string bytes_;
};

}  // namespace keystrand::worker::store
