#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace keystrand::bench {

/// Signatures as an attacker would try them, who finds out one digit after the other from the time that a refusal
/// takes.
class Guesses {
 public:
  /// Guesses of class c share exactly their first c hex digits with the right signature: 0 … 31.
  static constexpr std::size_t kClasses = 32;

  /// `right`: 64 lower-case hex digits. `head`: what stands before the signature in the header, such as "t=1,v1=".
  Guesses(std::string_view head, std::string_view right, std::uint64_t seed);

  /// Makes the next guess in header(), always at the same place in memory and with the same work, whatever its class;
  /// so that making it leaves no trace in the time of checking it. Returns its class, drawn at random.
  std::size_t Next();

  /// The whole header with the current guess. Valid until the next one.
  [[nodiscard]] std::string_view header() const { return header_; }

 private:
  std::string header_;
  std::size_t signature_offset_;
  std::string right_;  // values of the digits, 0 … 15
  std::mt19937_64 random_;
};

}  // namespace keystrand::bench
