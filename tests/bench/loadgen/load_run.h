#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/core/result.h"
#include "tests/bench/loadgen/signed_requests.h"
#include "tests/bench/measure/latency_histogram.h"

namespace keystrand::bench {

struct LoadShape {
  std::uint16_t port = 0;        ///< on 127.0.0.1
  std::size_t connections = 64;  ///< kept alive; each carries one request at a time
  double rate = 0;               ///< requests per second, evenly spaced, whatever the answers do; 0 = closed loop
  std::chrono::nanoseconds warm_up{};
  std::chrono::nanoseconds duration{};                        ///< measured, behind the warm-up
  std::chrono::nanoseconds grace = std::chrono::seconds(10);  ///< then what is not answered counts as unanswered
  std::map<std::string, std::vector<pid_t>> cpu_of{};  ///< whose CPU time is read at the window's edges, summed a name
};

/// What became of one measured request.
struct Delivery {
  std::size_t index = 0;
  std::chrono::system_clock::time_point due;
  std::chrono::system_clock::time_point answered;
  int status = 0;
};

struct LoadErrors {
  std::uint64_t broken = 0;      ///< connection reset, closed or garbled with a request under way
  std::uint64_t refused = 0;     ///< reconnecting failed
  std::uint64_t unanswered = 0;  ///< due in the window, not answered when the grace ended
};

/// All of the measured window but the fields that say otherwise. The window takes requests by the time they were due.
struct LoadResult {
  LatencyHistogram latency;  ///< from due time to whole answer, answers of every status and unanswered requests
  std::map<int, std::uint64_t> statuses;
  LoadErrors errors;
  std::uint64_t due = 0;                       ///< requests of the window
  std::chrono::duration<double> elapsed{};     ///< from the window's begin to its end, or to its last answer if later
  std::chrono::duration<double> window{};      ///< between the two readings of CPU time
  std::uint64_t answers_between_readings = 0;  ///< of any status
  std::map<std::string, double> cpu_seconds;   ///< as asked for, between the readings; not if a process was gone
  std::chrono::duration<double> own_cpu{};     ///< of this process, whole run with warm-up, without signing
  std::uint64_t sent = 0;                      ///< whole run
  std::uint64_t accepted = 0;                  ///< answered 200, whole run
  bool ran_out_of_requests = false;            ///< closed loop only: the window was cut short
  std::vector<Delivery> deliveries;            ///< in order of answers
};

/// Sends `requests` to a receiver on this machine, in order, each once, and measures the answers. One thread, bounded
/// in time by warm-up, duration and grace, and in count by `requests`. Open loop: request i is due at begin + i/rate.
/// One that finds no free connection waits, and its wait counts: the latency runs from the due time, so a stall of the
/// receiver is felt by all requests that fell into it (no coordinated omission). Closed loop: each connection sends its
/// next request on the answer; latency runs from the sending. Errors: kUnavailable if the connections cannot be opened
/// within 5 s.
Result<LoadResult> RunLoad(const LoadShape& shape, const SignedRequests& requests);

}  // namespace keystrand::bench
