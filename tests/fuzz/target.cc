#include "tests/fuzz/target.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace keystrand::fuzz {
namespace {

constexpr std::size_t kJudgedBytesMax = 1024 * 1024;  // the largest body that a receiver takes by default
#ifdef KEYSTRAND_FUZZ_JUDGES_TIME
constexpr bool kJudged = true;
#else
constexpr bool kJudged = false;
#endif

struct Longest {
  std::chrono::nanoseconds time{0};
  std::size_t bytes = 0;
};
Longest longest;  // of the process

long long Microseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

}  // namespace

void Check(bool holds, std::string_view promise) {
  if (holds) return;
  std::fprintf(stderr, "broken promise: %.*s\n", static_cast<int>(promise.size()), promise.data());
  std::abort();
}

std::chrono::nanoseconds CpuTime() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

std::chrono::nanoseconds CpuTimeMax(std::size_t bytes) {
  if (!kJudged || bytes > kJudgedBytesMax) return std::chrono::nanoseconds(0);
  const std::chrono::nanoseconds by_length(bytes * NanosecondsPerByteMax());
  return std::max<std::chrono::nanoseconds>(std::chrono::milliseconds(10), by_length);
}

void JudgeTime(std::size_t bytes, std::chrono::nanoseconds best) {
  if (best > longest.time) longest = {best, bytes};
  const auto limit = CpuTimeMax(bytes);
  if (limit.count() == 0 || best <= limit) return;
  std::fprintf(stderr, "too slow three times in a row: %zu bytes took %lld us of CPU time, the limit is %lld\n", bytes,
               Microseconds(best), Microseconds(limit));
  std::abort();
}

void PrintLongest() {
  std::fprintf(stderr, "longest %lld us for %zu bytes\n", Microseconds(longest.time), longest.bytes);
}

}  // namespace keystrand::fuzz
