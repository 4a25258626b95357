#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "worker/store/params.h"
#include "worker/store/statement.h"

namespace keystrand::worker::store {

/// How new rows get into a table. Both ways list the columns in the order in which NewRows gets them.
struct NewRowsStatement {
  Statement insert;            ///< INSERT … SELECT … FROM unnest($1::text[], …), an array per column
  const char* copy = nullptr;  ///< COPY … FROM STDIN (FORMAT binary)
  std::int16_t columns = 0;
};

/// What both ways fail with where the table has a row of the same primary key already.
inline constexpr const char* kTakenKey = "23505";

/// As many are copied: the server takes them a page at a time, at half the cost of an INSERT. Fewer are inserted: a
/// COPY costs a round trip more, and each time what a prepared statement costs once.
inline constexpr std::size_t kCopiedRowsMin = 32;

/// New rows of one table, built field by field, row after row. Each field has to be of its column's type: the server
/// checks lengths and values of what is copied, not types.
class NewRows {
 public:
  /// `copied`: by COPY, else by INSERT. Transaction::NewRowsOf decides.
  NewRows(const NewRowsStatement& statement, bool copied);

  NewRows& Text(std::string_view text);
  NewRows& TextOrNull(std::string_view text) { return text.empty() ? Null(ElementType::kText) : Text(text); }
  NewRows& Jsonb(std::string_view json);
  NewRows& JsonbOrNull(std::string_view json) { return json.empty() ? Null(ElementType::kJsonb) : Jsonb(json); }
  NewRows& Integer(std::int32_t number);
  NewRows& Bigint(std::int64_t number);
  NewRows& Boolean(bool flag);
  /// timestamptz. What lies outside of PostgreSQL's years is refused there (22008), as by to_timestamp.
  NewRows& UnixSeconds(std::int64_t seconds) { return UnixTime(seconds, 1'000'000); }
  NewRows& UnixMilliseconds(std::int64_t milliseconds) { return UnixTime(milliseconds, 1'000); }
  NewRows& Null(ElementType type);

  [[nodiscard]] bool copied() const { return copied_; }
  [[nodiscard]] std::string TakeCopy() &&;  ///< of copied rows, which are complete
  [[nodiscard]] Params TakeParams() &&;     ///< of the others

 private:
  NewRows& UnixTime(std::int64_t units, std::int64_t microseconds_each);
  /// The head of the next field that is copied, and before the first of a row that of the row.
  void Begin(std::uint32_t length);
  /// The array of the next field's column.
  Array& Next(ElementType type);
  void Advance() { column_ = static_cast<std::int16_t>((column_ + 1) % columns_); }

  const bool copied_;
  const std::int16_t columns_;
  std::int16_t column_ = 0;  ///< of the next field
  std::string bytes_;        ///< copied
  std::vector<Array> arrays_;
};

}  // namespace keystrand::worker::store
