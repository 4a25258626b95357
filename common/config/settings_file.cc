#include "common/config/settings_file.h"

#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace keystrand::config {
namespace {

std::string AtLine(const toml::source_region& source, const std::string& text) {
  return "line " + std::to_string(source.begin.line) + ": " + text;
}

/// One value as text; empty for what no setting takes (floats, dates, tables in arrays).
std::optional<std::string> TextOf(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  return std::nullopt;
}

class Flattening {
 public:
  explicit Flattening(SettingsFile& file) : file_(file) {}

  void Walk(const toml::table& table) {
    for (const auto& [key, node] : table) {
      path_.emplace_back(key.str());
      node.is_table() ? Walk(*node.as_table()) : Add(node);
      path_.pop_back();
    }
  }

 private:
  void Add(const toml::node& node) {
    FileEntry entry{path_, {}, node.is_array(), static_cast<int>(node.source().begin.line)};
    const bool whole = node.is_array() ? AddElements(*node.as_array(), entry) : AddText(node, entry);
    if (whole) return file_.entries.push_back(std::move(entry));
    file_.problems.push_back(
        AtLine(node.source(), "a value is text in quotes, a whole number, true, false, or an array"));
  }

  static bool AddText(const toml::node& node, FileEntry& entry) {
    auto text = TextOf(node);
    if (text) entry.values.push_back(std::move(*text));
    return text.has_value();
  }

  static bool AddElements(const toml::array& array, FileEntry& entry) {
    return std::all_of(array.begin(), array.end(), [&](const toml::node& element) { return AddText(element, entry); });
  }

  SettingsFile& file_;
  std::vector<std::string> path_;
};

}  // namespace

SettingsFile ParseSettingsFile(std::string_view text) try {
  SettingsFile file;
  Flattening(file).Walk(toml::parse(text));
  const auto by_line = [](const FileEntry& a, const FileEntry& b) { return a.line < b.line; };
  std::stable_sort(file.entries.begin(), file.entries.end(), by_line);
  return file;
} catch (const toml::parse_error& error) {  // its own words may quote a value, which may be secret
  return {{}, {AtLine(error.source(), "this is not TOML: write name = value, text in quotes, each name once")}};
}

}  // namespace keystrand::config
