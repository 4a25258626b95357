#pragma once

#include <algorithm>
#include <chrono>

namespace keystrand::metrics {

/// A duration as histograms take it. A negative one is clock skew between machines, and counts as 0.
inline double Seconds(std::chrono::nanoseconds duration) {
  return std::max(0.0, std::chrono::duration<double>(duration).count());
}

/// A point in time as gauges show it: Unix seconds.
inline double UnixSeconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

}  // namespace keystrand::metrics
