#include "common/stripe/rfc3339.h"

#include <chrono>

namespace keystrand::stripe {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// Reads a text from left to right; `ok` turns false for good at the first thing that is not as expected.
struct Cursor {
  std::string_view rest;
  bool ok = true;

  int Digits(int count) {
    int value = 0;
    for (; count > 0; --count) value = value * 10 + (TakeOneOf("0123456789") - '0');
    return value;
  }
  char TakeOneOf(std::string_view set) {
    ok = ok && !rest.empty() && set.find(rest.front()) != std::string_view::npos;
    if (!ok) return set.front();
    const char taken = rest.front();
    rest.remove_prefix(1);
    return taken;
  }
  int UpTo(int max, int value) {
    ok = ok && value <= max;
    return value;
  }
};

void SkipFraction(Cursor& cursor) {
  if (!cursor.rest.starts_with('.')) return;
  cursor.rest.remove_prefix(1);
  cursor.Digits(1);
  while (cursor.ok && cursor.rest.find_first_of("0123456789") == 0) cursor.rest.remove_prefix(1);
}

seconds ReadOffset(Cursor& cursor) {
  const char sign = cursor.TakeOneOf("Zz+-");
  if (sign == 'Z' || sign == 'z') return seconds(0);
  const hours h(cursor.UpTo(23, cursor.Digits(2)));
  cursor.TakeOneOf(":");
  const minutes m(cursor.UpTo(59, cursor.Digits(2)));
  return sign == '-' ? -(h + m) : h + m;
}

}  // namespace

std::optional<std::int64_t> UnixSecondsOf(std::string_view rfc3339) {
  Cursor cursor{rfc3339};
  const std::chrono::year year(cursor.Digits(4));
  cursor.TakeOneOf("-");
  const std::chrono::month month(static_cast<unsigned>(cursor.Digits(2)));
  cursor.TakeOneOf("-");
  const std::chrono::year_month_day date(year, month, std::chrono::day(static_cast<unsigned>(cursor.Digits(2))));
  cursor.TakeOneOf("Tt ");
  const hours h(cursor.UpTo(23, cursor.Digits(2)));
  cursor.TakeOneOf(":");
  const minutes m(cursor.UpTo(59, cursor.Digits(2)));
  cursor.TakeOneOf(":");
  const seconds s(cursor.UpTo(60, cursor.Digits(2)));  // 60: a leap second
  SkipFraction(cursor);
  const seconds offset = ReadOffset(cursor);
  if (!cursor.ok || !cursor.rest.empty() || !date.ok()) return std::nullopt;
  return (std::chrono::sys_days(date) + h + m + s - offset).time_since_epoch().count();
}

}  // namespace keystrand::stripe
