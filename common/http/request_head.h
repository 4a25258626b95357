#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace keystrand::http {

/// One header field: the name as sent, the value without the white space around it.
struct Field {
  std::string_view name;
  std::string_view value;
};

/// Most fields of a head that is accepted at all; the storage of RequestHead.
inline constexpr std::size_t kFieldsMax = 64;

/// The request line and the fields of one request. All views point into the bytes that were judged.
struct RequestHead {
  std::string_view method;
  std::string_view target;  ///< as sent, query included
  std::string_view path;    ///< the target up to its first '?'; never decoded, never normalised
  std::uint64_t content_length = 0;
  bool keep_alive = false;        ///< HTTP/1.1 without `Connection: close`
  bool expects_continue = false;  ///< `Expect: 100-continue`

  [[nodiscard]] std::span<const Field> fields() const { return {field_storage.data(), field_count}; }
  /// How many fields are called `name` (in any case).
  [[nodiscard]] std::size_t Count(std::string_view name) const;
  /// The value of the first field called `name` (in any case); empty if there is none.
  [[nodiscard]] std::string_view Value(std::string_view name) const;

  std::size_t field_count = 0;
  std::array<Field, kFieldsMax> field_storage;  ///< only the first field_count are set
};

/// Without the spaces and tabs around it.
[[nodiscard]] std::string_view Trimmed(std::string_view value);

/// ASCII case-insensitive equality, as field names and connection options need it.
[[nodiscard]] bool EqualsIgnoringCase(std::string_view a, std::string_view b);

}  // namespace keystrand::http
