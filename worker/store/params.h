#pragma once

#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace keystrand::worker::store {

/// What the elements of an array are to PostgreSQL. The statement's cast has to name the same type.
enum class ElementType : std::uint32_t {
  kBoolean = 16,
  kBigint = 20,
  kInteger = 23,
  kText = 25,
  kTimestamptz = 1184,
  kJsonb = 3802
};  // as in pg_type

template <typename T>
constexpr ElementType ElementTypeOf() {
  if constexpr (std::is_same_v<T, bool>) {
    return ElementType::kBoolean;
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    return ElementType::kBigint;
  } else if constexpr (std::is_same_v<T, std::int32_t>) {
    return ElementType::kInteger;
  } else if constexpr (std::is_convertible_v<T, std::string_view>) {
    return ElementType::kText;
  } else {
    return ElementTypeOf<typename T::value_type>();  // of an optional
  }
}

/// A PostgreSQL array in its binary form, built element by element. Passed as one parameter and unnested, so that a
/// statement's cost does not depend on how many rows it carries. In text form each element would be quoted here and
/// read character by character by the server.
class Array {
 public:
  explicit Array(ElementType type);
  /// The kinds of element are those of ElementTypeOf; all of one array are of its type.
  void Add(std::string_view text);
  void Add(const std::string& text) { Add(std::string_view(text)); }
  void Add(const char* text) { Add(std::string_view(text)); }
  void Add(std::int64_t number);
  void Add(std::int32_t number);
  void Add(bool flag);
  void AddNull();
  template <typename T>
  void Add(const std::optional<T>& value) {
    value ? Add(*value) : AddNull();
  }
  [[nodiscard]] std::string Take() &&;

 private:
  ElementType type_;
  std::string bytes_;
  std::uint32_t elements_ = 0;
  bool has_null_ = false;
};

/// The text form of a text[]: `{"a","b"}`.
std::string TextArray(const std::vector<std::string_view>& elements);

/// The parameters of one statement, in order. Arrays travel in binary form, all else as text.
class Params {
 public:
  Params& Add(std::string text);
  Params& Add(std::int64_t number) { return Add(std::to_string(number)); }
  Params& Add(std::int32_t number) { return Add(std::to_string(number)); }
  Params& Add(Array array);
  Params& AddNull();
  Params& Add(std::optional<std::string> text) { return text ? Add(std::move(*text)) : AddNull(); }

  /// As libpq takes them. Valid until the next Add.
  struct Wire {
    std::vector<const char*> values;  ///< nullptr for null
    std::vector<int> lengths;         ///< bytes
    std::vector<int> formats;         ///< 1: binary
  };
  [[nodiscard]] Wire ForWire() const;

 private:
  struct Value {
    std::string bytes;
    bool null = false;
    bool binary = false;
  };
  std::vector<Value> values_;
};

/// One array of a field of many items: `ArrayOf(rows, [](const auto& row) { return row.id; })`.
template <typename Items, typename Project>
Array ArrayOf(const Items& items, Project project) {
  Array array(ElementTypeOf<std::decay_t<decltype(project(*std::begin(items)))>>());
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
