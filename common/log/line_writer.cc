#include "common/log/line_writer.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

namespace keystrand::log {
namespace {

using std::chrono::steady_clock;

constexpr int kLookMs = 100;  // how soon a waiting Write hears of Stop

}  // namespace

void LineWriter::Write(std::string_view line) {
  if (torn_ && !WriteAll("\n")) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  torn_ = false;
  if (!WriteAll(line)) lost_.fetch_add(1, std::memory_order_relaxed);
}

/// In pieces of which each fits wherever poll finds room: a write must not block, or nobody could end it.
bool LineWriter::WriteAll(std::string_view text) {
  for (std::size_t done = 0; done < text.size();) {
    if (!WaitForRoom()) return false;
    const std::string_view piece = text.substr(done, PIPE_BUF);
    const ssize_t written = ::write(fd_, piece.data(), piece.size());
    if (written < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (written <= 0) continue;
    done += static_cast<std::size_t>(written);
    torn_ = done < text.size();
  }
  return true;
}

bool LineWriter::WaitForRoom() const {
  while (true) {
    const steady_clock::time_point end{steady_clock::duration(end_.load(std::memory_order_relaxed))};
    const bool over = steady_clock::now() >= end;
    pollfd descriptor{fd_, POLLOUT, 0};
    if (::poll(&descriptor, 1, over ? 0 : kLookMs) > 0) return true;  // or an error, which the write tells
    if (over) return false;
  }
}

void LineWriter::Stop(std::chrono::milliseconds timeout) {
  end_.store((steady_clock::now() + timeout).time_since_epoch().count(), std::memory_order_relaxed);
}

}  // namespace keystrand::log
