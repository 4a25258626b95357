#include "common/stripe/json_reader.h"

#include <cstdint>
#include <cstring>

namespace keystrand::stripe {
namespace {

bool IsOneOf(std::string_view text, std::size_t at, std::string_view set) {
  return at < text.size() && set.find(text[at]) != std::string_view::npos;
}

/// One past the closing quote of the string that starts at `begin`, or the end of `text`.
std::size_t StringEnd(std::string_view text, std::size_t begin) {
  std::size_t at = begin + 1;
  while (at < text.size() && text[at] != '"') at += text[at] == '\\' ? 2 : 1;
  return at < text.size() ? at + 1 : text.size();
}

/// Only numbers of this form can be beyond a double: an exponent, or more digits than 1.8e308 has.
bool MayBeHuge(std::string_view number) {
  return number.size() > 300 || number.find_first_of("eE") != std::string_view::npos;
}

/// Makes the huge number of text[begin, end) a zero with the same sign and, if it had one, an exponent: whatever stands
/// against it makes it no other number than before, so that what was not JSON does not become it.
void Flatten(std::string& text, std::size_t begin, std::size_t end) {
  const bool has_exponent = std::string_view(text).substr(begin, end - begin).find_first_of("eE") != std::string::npos;
  if (text[begin] == '-') ++begin;
  text.replace(begin, end - begin, end - begin, '0');
  text[begin + 1] = has_exponent ? 'e' : '.';  // there is room: none is shorter than "1e9"
}

}  // namespace

JsonTextTraits TraitsOf(std::string_view text) {
  std::uint64_t seen = 0;
  std::size_t at = 0;
  for (; at + sizeof(seen) <= text.size(); at += sizeof(seen)) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof(word));
    seen |= word;
  }
  for (; at < text.size(); ++at) seen |= static_cast<unsigned char>(text[at]);
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  return {.ascii = (seen & kHighBits) == 0, .unicode_escapes = text.find("\\u") != std::string_view::npos};
}

bool HasLoneSurrogate(std::string_view decoded) {
  constexpr char kLead = '\xED';  // U+D000 to U+DFFF; the surrogates are those with a second byte of A0 or more
  for (std::size_t at = decoded.find(kLead); at != std::string_view::npos; at = decoded.find(kLead, at + 1)) {
    if (at + 1 < decoded.size() && static_cast<unsigned char>(decoded[at + 1]) >= 0xA0) return true;
  }
  return false;
}

std::string WithoutHugeNumbers(std::string_view text) {
  std::string masked(text);
  std::size_t at = 0;
  while (at < text.size()) {
    if (text[at] == '"') {
      at = StringEnd(text, at);
      continue;
    }
    if (!IsOneOf(text, at, "-0123456789")) {
      ++at;
      continue;
    }
    const std::size_t end = NumberEnd(text, at);
    if (end == at) break;  // not JSON, as the reader will say
    if (MayBeHuge(text.substr(at, end - at))) Flatten(masked, at, end);
    at = end;
  }
  return masked;
}

}  // namespace keystrand::stripe
