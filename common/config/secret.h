#pragma once

#include <iosfwd>
#include <string>
#include <utility>

namespace keystrand::config {

/// A value that must not be seen: prints as ***, has no flag, and is read only where Reveal is called.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  [[nodiscard]] const std::string& Reveal() const { return value_; }
  [[nodiscard]] bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

inline constexpr const char* kHidden = "***";
std::ostream& operator<<(std::ostream& out, const Secret& secret);

}  // namespace keystrand::config
