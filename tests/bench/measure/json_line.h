#pragma once

#include <sstream>
#include <string>
#include <string_view>

namespace keystrand::bench {

/// Builds one flat or nested JSON object on one line. Keys and texts are our own: letters, digits, "_.-/:" only, so
/// nothing is escaped.
class JsonLine {
 public:
  JsonLine& Text(std::string_view key, std::string_view value) {
    Key(key) << '"' << value << '"';
    return *this;
  }
  template <typename Number>
  JsonLine& Add(std::string_view key, Number value) {
    Key(key) << value;
    return *this;
  }
  JsonLine& Bool(std::string_view key, bool value) {
    Key(key) << (value ? "true" : "false");
    return *this;
  }
  JsonLine& Object(std::string_view key, const JsonLine& value) {
    Key(key) << value.str();
    return *this;
  }
  [[nodiscard]] std::string str() const { return "{" + out_.str() + "}"; }

 private:
  std::ostringstream& Key(std::string_view key) {
    if (out_.tellp() > 0) out_ << ",";
    out_ << '"' << key << "\":";
    return out_;
  }
  std::ostringstream out_;
};

}  // namespace keystrand::bench
