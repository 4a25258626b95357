#pragma once

#include <array>
#include <cstddef>
#include <string>

namespace keystrand::worker::store {

/// Numbers as PostgreSQL's binary formats have them: most significant byte first. `Number` is unsigned.
template <typename Number>
void PutBigEndian(Number number, char* to) {
  for (std::size_t i = 0; i < sizeof(number); ++i) {
    to[i] = static_cast<char>(number >> (8 * (sizeof(number) - 1 - i)));
  }
}

template <typename Number>
void AppendBigEndian(Number number, std::string& to) {
  std::array<char, sizeof(number)> bytes{};
  PutBigEndian(number, bytes.data());
  to.append(bytes.data(), bytes.size());
}

}  // namespace keystrand::worker::store
