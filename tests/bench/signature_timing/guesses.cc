#include "tests/bench/signature_timing/guesses.h"

namespace keystrand::bench {
namespace {

/// All ones if a < b, else all zeros: chooses without a branch.
std::uint64_t MaskIfLess(std::uint64_t a, std::uint64_t b) { return std::uint64_t{0} - std::uint64_t{a < b}; }

std::uint64_t ValueOf(char digit) { return static_cast<std::uint64_t>(digit <= '9' ? digit - '0' : digit - 'a' + 10); }

char DigitOf(std::uint64_t value) {
  return static_cast<char>('0' + value + (MaskIfLess(9, value) & std::uint64_t{'a' - '0' - 10}));
}

}  // namespace

Guesses::Guesses(std::string_view head, std::string_view right, std::uint64_t seed)
    : header_(std::string(head) + std::string(right)), signature_offset_(head.size()), right_(right), random_(seed) {
  for (char& digit : right_) digit = static_cast<char>(ValueOf(digit));
}

std::size_t Guesses::Next() {
  const std::uint64_t shared = random_() % kClasses;
  const std::uint64_t other = 1 + random_() % 15;  // added to the first digit that is not shared
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < right_.size(); ++i) {
    if (i % 16 == 0) bits = random_();
    const auto right = static_cast<std::uint64_t>(right_[i]);
    const std::uint64_t is_shared = MaskIfLess(i, shared);
    const std::uint64_t is_first_other = ~is_shared & MaskIfLess(i, shared + 1);
    const std::uint64_t value =
        (right & is_shared) | (((right + other) % 16) & is_first_other) | ((bits & 15) & ~is_shared & ~is_first_other);
    header_[signature_offset_ + i] = DigitOf(value);
    bits >>= 4;
  }
  return shared;
}

}  // namespace keystrand::bench
