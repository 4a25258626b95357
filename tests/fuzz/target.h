#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>

/// What every fuzz target shares. A target is one .cc file that defines RunInput; it is linked with libfuzzer.cc
/// (clang, sanitizers, new inputs) and with replay.cc (any compiler, the inputs of given files).
namespace keystrand::fuzz {

/// Takes one input: calls the code under test and checks what it promises. Pure, so that any input can be run again.
void RunInput(std::string_view input);

/// What RunInput's code under test may take for a byte of a long input; each target says it, by what was measured.
std::size_t NanosecondsPerByteMax();

/// Prints `promise` and aborts unless it `holds`.
void Check(bool holds, std::string_view promise);

/// The CPU time of this thread so far.
std::chrono::nanoseconds CpuTime();

/// The most CPU time that an input of `bytes` bytes may take: 10 ms, or for a long one what its target allows per byte.
/// Zero: not judged. Only optimised builds without sanitizers are, and only inputs of at most 1 MiB.
std::chrono::nanoseconds CpuTimeMax(std::size_t bytes);

/// Notes what an input of `bytes` bytes took in the best of its runs; aborts with both if that is over the limit.
void JudgeTime(std::size_t bytes, std::chrono::nanoseconds best);

/// Prints the longest time noted so far, and the input's size: "longest 1234 us for 5678 bytes".
void PrintLongest();

/// Calls `work`, the code under test on `bytes` bytes of input, and returns what it returns. It is called up to three
/// times: only a time over the limit three times in a row is a finding, as the machine may have been busy in one.
template <typename Work>
auto Timed(std::size_t bytes, Work work) {
  constexpr int kTries = 3;
  const auto limit = CpuTimeMax(bytes);
  auto best = std::chrono::nanoseconds::max();
  for (int tried = 1;; ++tried) {
    const auto begin = CpuTime();
    auto result = work();
    best = std::min(best, CpuTime() - begin);
    if (tried < kTries && limit.count() > 0 && best > limit) continue;
    JudgeTime(bytes, best);
    return result;
  }
}

}  // namespace keystrand::fuzz
