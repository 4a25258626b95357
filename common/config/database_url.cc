#include "common/config/database_url.h"

#include <algorithm>
#include <cctype>
#include <ostream>
#include <string_view>

#include "common/config/secret.h"

namespace keystrand::config {
namespace {

bool Mentions(std::string text, std::string_view word) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text.find(word) != std::string::npos;
}

/// `user:password@host` with the password hidden. The last @ ends it: an unescaped @ belongs to the password.
std::string RedactAuthority(const std::string& authority) {
  const auto at = authority.rfind('@');
  const auto colon = authority.find(':');
  if (at == std::string::npos || colon > at) return authority;
  return authority.substr(0, colon + 1) + kHidden + authority.substr(at);
}

}  // namespace

std::string DatabaseUrl::Redacted() const {
  const auto scheme = text_.find("://");
  if (scheme == std::string::npos) return Mentions(text_, "password") ? kHidden : text_;
  const auto start = scheme + 3;
  const auto end = std::min(text_.find_first_of("/?", start), text_.size());
  const std::string rest = text_.substr(end);
  const bool doubtful = rest.find('@') != std::string::npos || Mentions(rest, "password");
  if (doubtful) return kHidden;  // a password with a slash in it, or one among the parameters
  return text_.substr(0, start) + RedactAuthority(text_.substr(start, end - start)) + rest;
}

std::ostream& operator<<(std::ostream& out, const DatabaseUrl& url) { return out << url.Redacted(); }

}  // namespace keystrand::config
