#include "worker/store/copy_rows.h"

#include <limits>
#include <utility>

#include "worker/store/big_endian.h"

namespace keystrand::worker::store {
namespace {

using namespace std::string_view_literals;

constexpr auto kSignature = "PGCOPY\n\377\r\n\0"sv;
constexpr std::uint32_t kNullLength = 0xffffffff;
constexpr std::uint16_t kEnd = 0xffff;  ///< where the next row would tell its columns
constexpr char kJsonbVersion = '\1';
constexpr std::int64_t kPostgresEpoch = 946'684'800;  ///< 2000-01-01, Unix s
constexpr std::int64_t kMicrosecondsPerSecond = 1'000'000;

/// The extremes themselves mean infinity; their neighbours are times that PostgreSQL refuses.
constexpr std::int64_t kTooLate = std::numeric_limits<std::int64_t>::max() - 1;
constexpr std::int64_t kTooEarly = std::numeric_limits<std::int64_t>::min() + 1;

}  // namespace

CopyRows::CopyRows(const CopyStatement& statement) : columns_(statement.columns), bytes_(kSignature) {
  AppendBigEndian(std::uint32_t{0}, bytes_);  // flags
  AppendBigEndian(std::uint32_t{0}, bytes_);  // extension of the header
}

void CopyRows::Begin(std::uint32_t length) {
  if (column_ == 0) {
    AppendBigEndian(static_cast<std::uint16_t>(columns_), bytes_);
    ++rows_;
  }
  column_ = static_cast<std::int16_t>((column_ + 1) % columns_);
  AppendBigEndian(length, bytes_);
}

CopyRows& CopyRows::Text(std::string_view text) {
  Begin(static_cast<std::uint32_t>(text.size()));
  bytes_ += text;
  return *this;
}

CopyRows& CopyRows::Jsonb(std::string_view json) {
  Begin(static_cast<std::uint32_t>(json.size() + 1));
  bytes_ += kJsonbVersion;
  bytes_ += json;
  return *this;
}

CopyRows& CopyRows::Integer(std::int32_t number) {
  Begin(sizeof(number));
  AppendBigEndian(static_cast<std::uint32_t>(number), bytes_);
  return *this;
}

CopyRows& CopyRows::Bigint(std::int64_t number) {
  Begin(sizeof(number));
  AppendBigEndian(static_cast<std::uint64_t>(number), bytes_);
  return *this;
}

CopyRows& CopyRows::Boolean(bool flag) {
  Begin(1);
  bytes_ += flag ? '\1' : '\0';
  return *this;
}

CopyRows& CopyRows::UnixTime(std::int64_t units, std::int64_t microseconds_each) {
  std::int64_t microseconds = 0;
  const bool beyond = __builtin_mul_overflow(units, microseconds_each, &microseconds) ||
                      __builtin_sub_overflow(microseconds, kPostgresEpoch * kMicrosecondsPerSecond, &microseconds);
  if (beyond) microseconds = units > 0 ? kTooLate : kTooEarly;
  return Bigint(microseconds);
}

CopyRows& CopyRows::Null() {
  Begin(kNullLength);
  return *this;
}

std::string CopyRows::Take() && {
  AppendBigEndian(kEnd, bytes_);
  return std::move(bytes_);
}

}  // namespace keystrand::worker::store
