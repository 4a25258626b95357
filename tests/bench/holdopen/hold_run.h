#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "common/core/result.h"
#include "tests/bench/loadgen/signed_requests.h"

namespace keystrand::bench {

struct HoldShape {
  std::uint16_t port = 0;                 ///< on 127.0.0.1
  std::size_t connections = 1000;         ///< to hold at the same time
  std::size_t sources = 8;                ///< addresses they come from, in turns: 127.0.0.2, 127.0.0.3, … At most 250
  std::string path = "/webhooks/stripe";  ///< of the slow heads
  std::chrono::milliseconds drip{1'000};  ///< slow: between two bytes of a head
  std::chrono::milliseconds reopen_delay{50};  ///< slow: after the receiver closed one, until the next takes its place
};

struct HoldCounts {
  std::size_t held = 0;                  ///< now: idle ones that were answered 200, slow ones within their head
  std::uint64_t opened = 0;              ///< connections made, again and again
  std::uint64_t closed = 0;              ///< ended by the receiver
  std::uint64_t refused = 0;             ///< could not be connected
  std::map<int, std::uint64_t> answers;  ///< by status
  std::uint64_t bytes_sent = 0;          ///< of slow heads
};

/// Holds connections open to a receiver on this machine, from one thread. Not thread-safe.
class HoldRun {
 public:
  /// Each connection sends one of `requests` (at least as many as connections), and then nothing more. One that the
  /// receiver closes is not opened again. `requests` must outlive it.
  HoldRun(const HoldShape& shape, const SignedRequests& requests);
  /// Each connection sends a request head a byte at a time and never ends it. One that the receiver closes is replaced,
  /// as someone would who means harm.
  explicit HoldRun(const HoldShape& shape);
  ~HoldRun();
  HoldRun(const HoldRun&) = delete;
  HoldRun& operator=(const HoldRun&) = delete;

  /// Opens them, and returns once all are held. Errors: kUnavailable, with what was reached, if that takes longer than
  /// `deadline` from now.
  Result<> Open(std::chrono::milliseconds deadline);
  /// Goes on holding for `time`, or until `wake_fd` (-1: none) is readable or at its end, whichever is first.
  void Hold(std::chrono::milliseconds time, int wake_fd);

  [[nodiscard]] const HoldCounts& counts() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace keystrand::bench
