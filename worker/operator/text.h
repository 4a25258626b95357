#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// How values look on a terminal. Pure.
namespace keystrand::worker::op {

/// "2026-11-24T01:02:03.004Z". `unix_ms`: before year 10000.
std::string Rfc3339(std::int64_t unix_ms);
/// "2026-11-24 01:02:03.004"; UTC.
std::string ForPeople(std::int64_t unix_ms);
/// A span in its two largest units: "850 ms", "12 s", "4 min 10 s", "3 h 5 min", "2 d 4 h". Negative: "0 ms".
std::string Span(std::int64_t ms);
/// "1,234,567"
std::string Grouped(std::int64_t number);
/// "1 event", "2 events"; `plural`: given where it is not `one` + "s".
std::string Count(std::int64_t number, std::string_view one, std::string_view plural = {});
/// `text` without anything that a terminal would obey: control characters and bad UTF-8 become U+FFFD.
std::string Safe(std::string_view text);
std::string Join(const std::vector<std::string>& parts, std::string_view separator);
/// "0-3,7": sorted numbers with runs folded.
std::string Ranges(const std::vector<std::int32_t>& numbers);

/// Columns aligned by their widest cell, two blanks between. Cells are Safe text.
class Table {
 public:
  enum class Align : std::uint8_t { kLeft, kRight };
  explicit Table(std::vector<Align> columns) : columns_(std::move(columns)) {}
  /// Missing cells at the end are empty.
  void Add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  /// Each line behind `indent`, without trailing blanks.
  [[nodiscard]] std::string Render(std::string_view indent) const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Label and value lines under a title; those with an empty value are left out. Texts are made Safe.
std::string Block(const std::string& title, const std::vector<std::pair<std::string, std::string>>& lines);

}  // namespace keystrand::worker::op
