#include "tests/faults/worker/trip_points.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>

namespace keystrand::faults {

void TripPoints::Reach(std::string_view point) const {
  const auto trip = [&](const char* name, int signal) {
    const auto armed = folder_ + "/" + std::string(point) + name;
    const auto taken = armed + "." + std::to_string(getpid());
    if (std::rename(armed.c_str(), taken.c_str()) == 0) kill(getpid(), signal);
  };
  trip(".kill", SIGKILL);
  trip(".stop", SIGSTOP);
}

}  // namespace keystrand::faults
