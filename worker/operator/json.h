#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace keystrand::worker::op {

/// Writes one JSON document, in one line. Texts are made well-formed UTF-8. The caller keeps objects and arrays in
/// balance.
class JsonWriter {
 public:
  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(std::string_view name);
  JsonWriter& Text(std::string_view text);
  JsonWriter& Int(std::int64_t number);
  JsonWriter& Bool(bool flag);
  JsonWriter& Null();

  JsonWriter& Field(std::string_view name, std::string_view text) { return Key(name).Text(text); }
  JsonWriter& Field(std::string_view name, const char* text) { return Key(name).Text(text); }
  JsonWriter& Field(std::string_view name, const std::string& text) { return Key(name).Text(text); }
  JsonWriter& Field(std::string_view name, std::int64_t number) { return Key(name).Int(number); }
  JsonWriter& Field(std::string_view name, int number) { return Key(name).Int(number); }
  JsonWriter& Field(std::string_view name, bool flag) { return Key(name).Bool(flag); }
  JsonWriter& Field(std::string_view name, std::optional<std::int64_t> number) {
    Key(name);
    return number ? Int(*number) : Null();
  }
  /// null when empty.
  JsonWriter& TextOrNull(std::string_view name, std::string_view text) {
    Key(name);
    return text.empty() ? Null() : Text(text);
  }
  /// A time of Unix ms as RFC 3339; null when there is none.
  JsonWriter& Time(std::string_view name, std::optional<std::int64_t> unix_ms);

  /// The document and a newline.
  [[nodiscard]] std::string Take() &&;

 private:
  void Separate();
  std::string out_;
  bool first_ = true;
};

}  // namespace keystrand::worker::op
