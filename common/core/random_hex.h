#pragma once

#include <span>

namespace keystrand {

/// Fills `out` with random hex digits (lower case): for identifiers that must not repeat, not for secrets. Thread-safe;
/// each thread has its own generator, seeded from the system.
void FillRandomHex(std::span<char> out);

}  // namespace keystrand
