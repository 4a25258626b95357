#include "common/stripe/openssl.h"

#include <cstdlib>
#include <string_view>

namespace keystrand::stripe {

void Require(bool done) {
  if (!done) std::abort();
}

std::string LowerHex(std::span<const unsigned char> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const unsigned char byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 0x0F]);
  }
  return text;
}

}  // namespace keystrand::stripe
