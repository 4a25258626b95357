#include "common/core/random_hex.h"

#include <array>
#include <cstdint>
#include <random>

namespace keystrand {
namespace {

std::mt19937_64 SeededGenerator() {
  std::random_device system;
  std::seed_seq seed{system(), system(), system(), system(), system(), system(), system(), system()};
  return std::mt19937_64(seed);
}

}  // namespace

void FillRandomHex(std::span<char> out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  thread_local std::mt19937_64 generator = SeededGenerator();
  std::uint64_t bits = 0;
  int digits_left = 0;
  for (char& digit : out) {
    if (digits_left == 0) {
      bits = generator();
      digits_left = 16;
    }
    digit = kDigits[bits & 0xF];
    bits >>= 4;
    --digits_left;
  }
}

}  // namespace keystrand
