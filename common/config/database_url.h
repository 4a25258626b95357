#pragma once

#include <iosfwd>
#include <string>
#include <utility>

namespace keystrand::config {

/// A libpq connection string, as URI (postgresql://user@host/name) or as key=value pairs. It may carry a password, so
/// it prints without one, and one that does is refused as a flag.
class DatabaseUrl {
 public:
  DatabaseUrl() = default;
  explicit DatabaseUrl(std::string text) : text_(std::move(text)) {}
  /// With the password, if there is one.
  [[nodiscard]] const std::string& Reveal() const { return text_; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  /// For people: passwords as ***. When in doubt all of it is ***.
  [[nodiscard]] std::string Redacted() const;
  [[nodiscard]] bool HasPassword() const { return Redacted() != text_; }

 private:
  std::string text_;
};

std::ostream& operator<<(std::ostream& out, const DatabaseUrl& url);

}  // namespace keystrand::config
