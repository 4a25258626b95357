#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/config/database_url.h"
#include "common/config/listen.h"
#include "common/config/secret.h"

namespace keystrand::config {

/// What an operator reads about one setting. The default is the field's value when it is added.
struct Setting {
  std::string name;       ///< kebab-case, unit last: "ack-timeout-ms". Flag --NAME, environment KEYSTRAND_NAME
  std::string help;       ///< what it does and why the default is what it is; one or two sentences, no final period
  bool required = false;  ///< must be given (and not empty)
};

/// Inclusive bounds.
template <typename T>
struct Range {
  T min;
  T max;
};

/// One setting, its type forgotten: what Reader works with.
struct SettingEntry {
  Setting setting;
  std::string type;        ///< with unit and range, as --help and problems say it: "whole number of ms, 1 to 60000"
  std::string fallback;    ///< the default as text, redacted
  bool secret = false;     ///< no flag, never shown
  bool is_switch = false;  ///< true or false, and its flag alone is true
  bool list = false;       ///< several values: a comma list in flag and environment, or an array in the file
  /// Sets the field. Nothing: done. Else the remedy ("give a whole number from 1 to 10"), and the field is unchanged.
  std::function<std::optional<std::string>(const std::vector<std::string>& values)> apply;
  std::function<std::string()> show;                                 ///< the field as text, redacted
  std::function<std::string(const std::string& value)> shown_value;  ///< a given value, redacted (null: as it is)
  std::function<bool(const std::string& value)> refused_as_flag;     ///< carries a secret (may be null)
};

/// Fields of one settings struct and how each is given. Every field must outlive the reading.
class SettingList {
 public:
  void Add(std::string& field, Setting setting);
  /// One of `choices`.
  void Add(std::string& field, Setting setting, const std::vector<std::string>& choices);
  void Add(bool& field, Setting setting);  ///< true or false; the flag alone is true
  void Add(std::vector<std::string>& field, Setting setting);
  void Add(Secret& field, Setting setting);
  void Add(std::vector<Secret>& field, Setting setting);
  void Add(Listen& field, Setting setting);
  void Add(DatabaseUrl& field, Setting setting);
  /// The name ends in "-ms" or "-milliseconds".
  void Add(std::chrono::milliseconds& field, Setting setting, Range<std::chrono::milliseconds> range);
  /// The name ends in "-seconds".
  void Add(std::chrono::seconds& field, Setting setting, Range<std::chrono::seconds> range);

  template <std::integral T>  // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved on
  requires(!std::same_as<T, bool>) void Add(T& field, Setting setting, Range<T> range, const std::string& unit = {}) {
    AddInteger(
        std::move(setting), unit, Bounds(range), [&field] { return static_cast<std::int64_t>(field); },
        [&field](std::int64_t value) { field = static_cast<T>(value); });
  }

  template <typename E>
  requires std::is_enum_v<E>  // NOLINTNEXTLINE(performance-unnecessary-value-param): it is moved on
  void Add(E& field, Setting setting, std::vector<std::pair<std::string, E>> values) {
    std::vector<std::string> names;
    for (const auto& [name, value] : values) names.push_back(name);
    const auto index = [&field, values] {
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i].second == field) return i;
      }
      return values.size();
    };
    AddChoice(std::move(setting), std::move(names), index,
              [&field, values](std::size_t i) { field = values[i].second; });
  }

  [[nodiscard]] const std::vector<SettingEntry>& entries() const { return entries_; }

 private:
  template <typename T>
  static Range<std::int64_t> Bounds(Range<T> range) {
    static_assert(sizeof(T) < 8 || std::is_signed_v<T> || std::is_same_v<T, std::uint64_t>);
    constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
    if (std::cmp_greater(range.max, kMax)) return {static_cast<std::int64_t>(range.min), kMax};
    return {static_cast<std::int64_t>(range.min), static_cast<std::int64_t>(range.max)};
  }
  void Push(SettingEntry entry);
  void AddInteger(Setting setting, const std::string& unit, Range<std::int64_t> range,
                  std::function<std::int64_t()> get, std::function<void(std::int64_t)> set);
  void AddChoice(Setting setting, std::vector<std::string> names, std::function<std::size_t()> get,
                 std::function<void(std::size_t)> set);

  std::vector<SettingEntry> entries_;
};

}  // namespace keystrand::config
