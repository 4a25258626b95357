#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keystrand::worker::store {

/// A PostgreSQL array in text form, built element by element: `{"a","b",NULL}`. Passed as one parameter and unnested,
/// so that a statement's cost does not depend on how many rows it carries.
class ArrayLiteral {
 public:
  void Add(std::string_view text);
  void Add(std::int64_t number);
  void Add(bool flag);
  void AddNull();
  template <typename T>
  void Add(const std::optional<T>& value) {
    value ? Add(*value) : AddNull();
  }
  void Add(const std::string& text) { Add(std::string_view(text)); }
  void Add(const char* text) { Add(std::string_view(text)); }
  void Add(std::int32_t number) { Add(static_cast<std::int64_t>(number)); }
  [[nodiscard]] std::string Take() &&;

 private:
  void Separate();
  std::string text_ = "{";
};

/// The parameters of one statement, in order; all travel as text.
class Params {
 public:
  Params& Add(std::string text);
  Params& Add(std::int64_t number) { return Add(std::to_string(number)); }
  Params& Add(std::int32_t number) { return Add(std::to_string(number)); }
  Params& Add(ArrayLiteral array) { return Add(std::move(array).Take()); }
  Params& AddNull();
  Params& Add(std::optional<std::string> text) { return text ? Add(std::move(*text)) : AddNull(); }
  /// Null-terminated strings, nullptr for null. Valid until the next Add.
  [[nodiscard]] std::vector<const char*> Pointers() const;

 private:
  std::vector<std::optional<std::string>> values_;
};

/// One array of a field of many items: `ArrayOf(rows, [](const auto& row) { return row.id; })`.
template <typename Items, typename Project>
ArrayLiteral ArrayOf(const Items& items, Project project) {
  ArrayLiteral array;
  for (const auto& item : items) array.Add(project(item));
  return array;
}

/// bytea in its hex text form.
std::string Bytea(std::string_view bytes);
/// The bytes of a bytea in hex text form ("\x…").
std::string FromBytea(std::string_view hex);

/// The elements of a text[] in text form, as PostgreSQL prints it; null elements become "".
std::vector<std::string> ParseTextArray(std::string_view literal);

}  // namespace keystrand::worker::store
