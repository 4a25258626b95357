#include "worker/store/new_rows.h"

#include <limits>
#include <utility>

#include "worker/store/big_endian.h"

namespace keystrand::worker::store {
namespace {

using namespace std::string_view_literals;

/// A signature, flags, and the length of more that the header could have.
constexpr auto kHeader = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"sv;
constexpr std::uint32_t kNullLength = 0xffffffff;
constexpr std::uint16_t kEnd = 0xffff;  ///< where the next row would tell its columns
constexpr char kJsonbVersion = '\1';
constexpr std::int64_t kPostgresEpoch = 946'684'800;  ///< 2000-01-01, Unix s
constexpr std::int64_t kMicrosecondsPerSecond = 1'000'000;

/// The extremes themselves mean infinity; their neighbours are times that PostgreSQL refuses.
constexpr std::int64_t kTooLate = std::numeric_limits<std::int64_t>::max() - 1;
constexpr std::int64_t kTooEarly = std::numeric_limits<std::int64_t>::min() + 1;

}  // namespace

NewRows::NewRows(const NewRowsStatement& statement, bool copied) : copied_(copied), columns_(statement.columns) {
  if (copied_) bytes_ = kHeader;
}

void NewRows::Begin(std::uint32_t length) {
  if (column_ == 0) AppendBigEndian(static_cast<std::uint16_t>(columns_), bytes_);
  AppendBigEndian(length, bytes_);
  Advance();
}

Array& NewRows::Next(ElementType type) {
  const auto column = static_cast<std::size_t>(column_);
  if (column == arrays_.size()) arrays_.emplace_back(type);
  Advance();
  return arrays_[column];
}

NewRows& NewRows::Text(std::string_view text) {
  if (copied_) {
    Begin(static_cast<std::uint32_t>(text.size()));
    bytes_ += text;
  } else {
    Next(ElementType::kText).Add(text);
  }
  return *this;
}

NewRows& NewRows::Jsonb(std::string_view json) {
  if (copied_) {
    Begin(static_cast<std::uint32_t>(json.size() + 1));
    bytes_ += kJsonbVersion;
    bytes_ += json;
  } else {
    Next(ElementType::kJsonb).Add(kJsonbVersion + std::string(json));
  }
  return *this;
}

NewRows& NewRows::Integer(std::int32_t number) {
  if (copied_) {
    Begin(sizeof(number));
    AppendBigEndian(static_cast<std::uint32_t>(number), bytes_);
  } else {
    Next(ElementType::kInteger).Add(number);
  }
  return *this;
}

NewRows& NewRows::Bigint(std::int64_t number) {
  if (copied_) {
    Begin(sizeof(number));
    AppendBigEndian(static_cast<std::uint64_t>(number), bytes_);
  } else {
    Next(ElementType::kBigint).Add(number);
  }
  return *this;
}

NewRows& NewRows::Boolean(bool flag) {
  if (copied_) {
    Begin(1);
    bytes_ += flag ? '\1' : '\0';
  } else {
    Next(ElementType::kBoolean).Add(flag);
  }
  return *this;
}

NewRows& NewRows::UnixTime(std::int64_t units, std::int64_t microseconds_each) {
  std::int64_t microseconds = 0;
  const bool beyond = __builtin_mul_overflow(units, microseconds_each, &microseconds) ||
                      __builtin_sub_overflow(microseconds, kPostgresEpoch * kMicrosecondsPerSecond, &microseconds);
  if (beyond) microseconds = units > 0 ? kTooLate : kTooEarly;
  if (copied_) return Bigint(microseconds);
  Next(ElementType::kTimestamptz).Add(microseconds);
  return *this;
}

NewRows& NewRows::Null(ElementType type) {
  if (copied_) {
    Begin(kNullLength);
  } else {
    Next(type).AddNull();
  }
  return *this;
}

std::string NewRows::TakeCopy() && {
  AppendBigEndian(kEnd, bytes_);
  return std::move(bytes_);
}

Params NewRows::TakeParams() && {
  Params params;
  for (auto& array : arrays_) params.Add(std::move(array));
  return params;
}

}  // namespace keystrand::worker::store
