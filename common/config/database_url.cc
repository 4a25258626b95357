#include "common/config/database_url.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <ostream>
#include <string_view>

#include "common/config/secret.h"

namespace keystrand::config {
namespace {

bool Mentions(std::string text, std::string_view word) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text.find(word) != std::string::npos;
}

/// Whether `text` is a connection URI: letters, then "://". Anything else is key=value pairs, whose values may hold
/// "://".
bool IsUri(const std::string& text) {
  const auto scheme = std::find_if_not(text.begin(), text.end(), [](unsigned char c) { return std::isalpha(c) != 0; });
  return text.compare(static_cast<std::size_t>(scheme - text.begin()), 3, "://") == 0;
}

/// Whether something that is no URI, perhaps by a blank before it, holds one with a user all the same.
bool LooksLikeAuthority(const std::string& text) {
  return text.find("://") != std::string::npos && text.find('@') != std::string::npos;
}

/// With the escapes %XX of a URI replaced: libpq takes them in the names of parameters, too.
std::string Unescaped(const std::string& text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    unsigned byte = 0;
    const char* const digits = text.data() + std::min(at + 1, text.size());
    const char* const end = text.data() + std::min(at + 3, text.size());
    const bool escape = text[at] == '%' && end - digits == 2 && std::from_chars(digits, end, byte, 16).ptr == end;
    plain += escape ? static_cast<char>(byte) : text[at];
    at += escape ? 2 : 0;
  }
  return plain;
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
  if (!IsUri(text_)) return Mentions(text_, "password") || LooksLikeAuthority(text_) ? kHidden : text_;
  const auto start = text_.find("://") + 3;
  const auto end = std::min(text_.find_first_of("/?", start), text_.size());
  const std::string rest = text_.substr(end);
  const bool doubtful = rest.find('@') != std::string::npos || Mentions(Unescaped(rest), "password");
  if (doubtful) return kHidden;  // a password with a slash in it, or one among the parameters
  return text_.substr(0, start) + RedactAuthority(text_.substr(start, end - start)) + rest;
}

std::ostream& operator<<(std::ostream& out, const DatabaseUrl& url) { return out << url.Redacted(); }

}  // namespace keystrand::config
