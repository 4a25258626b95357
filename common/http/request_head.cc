#include "common/http/request_head.h"

#include <algorithm>

namespace keystrand::http {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::string_view Trimmed(std::string_view value) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!value.empty() && is_space(value.front())) value.remove_prefix(1);
  while (!value.empty() && is_space(value.back())) value.remove_suffix(1);
  return value;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return Lower(x) == Lower(y); });
}

std::size_t RequestHead::Count(std::string_view name) const {
  return static_cast<std::size_t>(std::count_if(
      fields().begin(), fields().end(), [&](const Field& field) { return EqualsIgnoringCase(field.name, name); }));
}

std::string_view RequestHead::Value(std::string_view name) const {
  for (const Field& field : fields()) {
    if (EqualsIgnoringCase(field.name, name)) return field.value;
  }
  return {};
}

}  // namespace keystrand::http
