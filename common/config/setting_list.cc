#include "common/config/setting_list.h"

#include <algorithm>
#include <charconv>

namespace keystrand::config {
namespace {

using Values = std::vector<std::string>;
using Remedy = std::optional<std::string>;

std::optional<std::int64_t> ParseInteger(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string Join(const Values& values, const std::string& between) {
  std::string joined;
  for (const auto& value : values) joined += (joined.empty() ? "" : between) + value;
  return joined;
}

/// "debug, info, warn or error"
std::string Alternatives(const Values& names) {
  if (names.size() < 2) return Join(names, "");
  return Join({names.begin(), names.end() - 1}, ", ") + " or " + names.back();
}

std::string RangeText(Range<std::int64_t> range, const std::string& unit) {
  std::string text = "whole number";
  if (!unit.empty()) text += " of " + unit;
  return text + ", " + std::to_string(range.min) + " to " + std::to_string(range.max);
}

SettingEntry MakeEntry(Setting setting, std::string type) {
  SettingEntry entry;
  entry.setting = std::move(setting);
  entry.type = std::move(type);
  return entry;
}

/// Takes exactly one value and hands it to `parse`.
template <typename Parse>
auto Single(Parse parse) {
  return [parse](const Values& values) -> Remedy {
    if (values.size() != 1) return "give one value";
    return parse(values.front());
  };
}

bool HasEmpty(const Values& values) {
  return std::any_of(values.begin(), values.end(), [](const auto& value) { return value.empty(); });
}

std::string Shown(const Secret& secret) { return secret.empty() ? "" : kHidden; }

}  // namespace

void SettingList::Push(SettingEntry entry) {
  entry.fallback = entry.show();
  entries_.push_back(std::move(entry));
}

void SettingList::Add(std::string& field, Setting setting) {
  auto entry = MakeEntry(std::move(setting), "text");
  entry.apply = Single([&field](const std::string& value) -> Remedy { return field = value, std::nullopt; });
  entry.show = [&field] { return field; };
  Push(std::move(entry));
}

void SettingList::Add(std::string& field, Setting setting, const std::vector<std::string>& choices) {
  auto entry = MakeEntry(std::move(setting), Alternatives(choices));
  entry.apply = Single([&field, choices](const std::string& value) -> Remedy {
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) return "give " + Alternatives(choices);
    return field = value, std::nullopt;
  });
  entry.show = [&field] { return field; };
  Push(std::move(entry));
}

void SettingList::Add(bool& field, Setting setting) {
  AddChoice(
      std::move(setting), {"false", "true"}, [&field] { return static_cast<std::size_t>(field); },
      [&field](std::size_t chosen) { field = chosen == 1; });
  entries_.back().is_switch = true;
}

void SettingList::Add(std::vector<std::string>& field, Setting setting) {
  auto entry = MakeEntry(std::move(setting), "comma list");
  entry.list = true;
  entry.apply = [&field](const Values& values) -> Remedy {
    if (HasEmpty(values)) return "an element is empty: remove it or the extra comma";
    return field = values, std::nullopt;
  };
  entry.show = [&field] { return Join(field, ","); };
  Push(std::move(entry));
}

void SettingList::Add(Secret& field, Setting setting) {
  auto entry = MakeEntry(std::move(setting), "secret");
  entry.secret = true;
  entry.apply = Single([&field](const std::string& value) -> Remedy { return field = Secret(value), std::nullopt; });
  entry.show = [&field] { return Shown(field); };
  Push(std::move(entry));
}

void SettingList::Add(std::vector<Secret>& field, Setting setting) {
  auto entry = MakeEntry(std::move(setting), "comma list of secrets");
  entry.secret = true;
  entry.list = true;
  entry.apply = [&field](const Values& values) -> Remedy {
    if (HasEmpty(values)) return "one of the secrets is empty: remove it or the extra comma";
    field.clear();
    for (const auto& value : values) field.emplace_back(value);
    return std::nullopt;
  };
  entry.show = [&field] { return field.empty() ? "" : kHidden; };
  Push(std::move(entry));
}

void SettingList::Add(Listen& field, Setting setting) {
  auto entry = MakeEntry(std::move(setting), "ADDRESS:PORT");
  entry.apply = Single([&field](const std::string& value) -> Remedy {
    auto parsed = Listen::Parse(value);
    if (!parsed) return parsed.error().detail;
    return field = std::move(*parsed), std::nullopt;
  });
  entry.show = [&field] { return field.host.empty() ? "" : field.Text(); };
  Push(std::move(entry));
}

void SettingList::Add(DatabaseUrl& field, Setting setting) {
  auto entry = MakeEntry(std::move(setting), "connection string");
  entry.apply =
      Single([&field](const std::string& value) -> Remedy { return field = DatabaseUrl(value), std::nullopt; });
  entry.show = [&field] { return field.Redacted(); };
  entry.shown_value = [](const std::string& value) { return DatabaseUrl(value).Redacted(); };
  entry.refused_as_flag = [](const std::string& value) { return DatabaseUrl(value).HasPassword(); };
  Push(std::move(entry));
}

void SettingList::Add(std::chrono::milliseconds& field, Setting setting, Range<std::chrono::milliseconds> range) {
  AddInteger(
      std::move(setting), "ms", {range.min.count(), range.max.count()}, [&field] { return field.count(); },
      [&field](std::int64_t value) { field = std::chrono::milliseconds(value); });
}

void SettingList::Add(std::chrono::seconds& field, Setting setting, Range<std::chrono::seconds> range) {
  AddInteger(
      std::move(setting), "seconds", {range.min.count(), range.max.count()}, [&field] { return field.count(); },
      [&field](std::int64_t value) { field = std::chrono::seconds(value); });
}

void SettingList::AddInteger(Setting setting, const std::string& unit, Range<std::int64_t> range,
                             std::function<std::int64_t()> get, std::function<void(std::int64_t)> set) {
  const std::string type = RangeText(range, unit);
  auto entry = MakeEntry(std::move(setting), type);
  entry.apply = Single([range, type, set = std::move(set)](const std::string& text) -> Remedy {
    const auto value = ParseInteger(text);
    if (!value || *value < range.min || *value > range.max) return "give a " + type;
    set(*value);
    return std::nullopt;
  });
  entry.show = [get = std::move(get)] { return std::to_string(get()); };
  Push(std::move(entry));
}

void SettingList::AddChoice(Setting setting, std::vector<std::string> names, std::function<std::size_t()> get,
                            std::function<void(std::size_t)> set) {
  auto entry = MakeEntry(std::move(setting), Alternatives(names));
  entry.show = [names, get = std::move(get)] { return get() < names.size() ? names[get()] : ""; };
  entry.apply = Single([names = std::move(names), set = std::move(set)](const std::string& value) -> Remedy {
    const auto found = std::find(names.begin(), names.end(), value);
    if (found == names.end()) return "give " + Alternatives(names);
    set(static_cast<std::size_t>(found - names.begin()));
    return std::nullopt;
  });
  Push(std::move(entry));
}

}  // namespace keystrand::config
