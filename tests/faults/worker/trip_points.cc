#include "tests/faults/worker/trip_points.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <optional>
#include <thread>
#include <utility>

namespace keystrand::faults {

namespace {

constexpr std::chrono::seconds kStallMax{60};
constexpr std::chrono::milliseconds kLook{20};

void StallWhileThereIs(const std::string& file) {
  const auto end = std::chrono::steady_clock::now() + kStallMax;
  while (access(file.c_str(), F_OK) == 0 && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(kLook);
}

}  // namespace

void TripPoints::Reach(std::string_view point) const {
  const auto taken = [&](const char* way) {
    const auto armed = folder_ + "/" + std::string(point) + way;
    auto mine = armed + "." + std::to_string(getpid());
    return std::rename(armed.c_str(), mine.c_str()) == 0 ? std::optional(std::move(mine)) : std::nullopt;
  };
  if (taken(".kill")) kill(getpid(), SIGKILL);
  if (taken(".stop")) kill(getpid(), SIGSTOP);
  if (const auto file = taken(".stall")) StallWhileThereIs(*file);
}

}  // namespace keystrand::faults
