#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tests/fuzz/target.h"

/// Called by libFuzzer, which brings main.

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  std::atexit(keystrand::fuzz::PrintLongest);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  keystrand::fuzz::RunInput({reinterpret_cast<const char*>(data), size});
  return 0;
}
