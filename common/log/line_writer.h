#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace keystrand::log {

/// Writes lines to a descriptor whose flags stay as they are, since other processes may hold it too. A reader that is
/// slow is waited for, until Stop; one that is gone, or a disk that is full, costs the line, which is counted. Write on
/// one thread, the rest on any.
class LineWriter {
 public:
  explicit LineWriter(int fd) : fd_(fd) {}

  /// At once, newline included: nothing is held back.
  void Write(std::string_view line);
  /// From now on a reader is waited for no longer than `timeout`, over all lines together.
  void Stop(std::chrono::milliseconds timeout);
  /// Lines that were not written, or not whole.
  [[nodiscard]] std::uint64_t lost() const { return lost_.load(std::memory_order_relaxed); }

 private:
  bool WriteAll(std::string_view text);
  [[nodiscard]] bool WaitForRoom() const;

  const int fd_;
  bool torn_ = false;  // the last line broke off: the next one must not be glued to it
  std::atomic<std::chrono::steady_clock::rep> end_{
      std::chrono::steady_clock::time_point::max().time_since_epoch().count()};
  std::atomic<std::uint64_t> lost_ = 0;
};

}  // namespace keystrand::log
