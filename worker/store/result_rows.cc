#include <libpq-fe.h>

#include <cstdlib>

#include "worker/store/result_rows.h"
#include "worker/store/statement.h"

namespace keystrand::worker::store {

std::size_t Rows::size() const { return static_cast<std::size_t>(PQntuples(data_->rows.get())); }
std::size_t Rows::columns() const { return static_cast<std::size_t>(PQnfields(data_->rows.get())); }
std::size_t Rows::affected() const { return std::strtoull(PQcmdTuples(data_->rows.get()), nullptr, 10); }
bool Rows::IsNull(std::size_t row, int column) const {
  return PQgetisnull(data_->rows.get(), static_cast<int>(row), column) == 1;
}
std::string_view Rows::Text(std::size_t row, int column) const {
  const int number = static_cast<int>(row);
  return {PQgetvalue(data_->rows.get(), number, column),
          static_cast<std::size_t>(PQgetlength(data_->rows.get(), number, column))};
}
std::int64_t Rows::Int(std::size_t row, int column) const {
  return std::strtoll(Text(row, column).data(), nullptr, 10);
}
bool Rows::Flag(std::size_t row, int column) const { return Text(row, column) == "t"; }

}  // namespace keystrand::worker::store
