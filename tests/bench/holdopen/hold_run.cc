#include "tests/bench/holdopen/hold_run.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "tests/bench/holdopen/held_connection.h"

namespace keystrand::bench {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;
using Time = steady_clock::time_point;

constexpr std::size_t kConnectingMax = 100;  // under way at once: less than a listener's usual backlog
constexpr auto kLongestWait = milliseconds(100);
constexpr std::uint32_t kFirstSource = 0x7F000002;  // 127.0.0.2

in_addr SourceOf(std::size_t connection, std::size_t sources) {
  return {.s_addr = htonl(kFirstSource + static_cast<std::uint32_t>(connection % sources))};
}

/// An endless head: its last field never ends. A receiver's bound on the head ends it, or a timeout.
std::string HeadStart(const HoldShape& shape) {
  return "POST " + shape.path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(shape.port) + "\r\nX-Slow: ";
}

struct Slot {
  HeldConnection connection;
  std::size_t index = 0;
  std::size_t sent = 0;       // bytes of the slow head
  std::uint32_t opening = 0;  // how often it was opened: a drip that was planned for an earlier opening is void
  bool held = false;
};

}  // namespace

class HoldRun::Impl {
 public:
  Impl(const HoldShape& shape, const SignedRequests* requests);
  ~Impl() { close(epoll_); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<> Open(milliseconds deadline);
  void Hold(milliseconds time, int wake_fd);
  [[nodiscard]] const HoldCounts& counts() const { return counts_; }

 private:
  struct Drip {
    Time due;
    Slot* slot;
    std::uint32_t opening;
  };

  void OpenSome(Time now);
  void Open(Slot& slot);
  void Step(Time until);
  void Serve(Slot& slot, std::uint32_t epoll_events);
  void OnConnected(Slot& slot);
  void OnAnswered(Slot& slot);
  void OnClosed(Slot& slot);
  void DripDue(Time now);
  void SendDrip(Slot& slot, Time now);
  void SetHeld(Slot& slot, bool held);

  const HoldShape shape_;
  const SignedRequests* const requests_;  // null: slow
  const std::string head_;
  const int epoll_;
  std::string request_;  // the idle ones' requests, one after the other
  std::vector<std::unique_ptr<Slot>> slots_;
  std::deque<std::pair<Time, Slot*>> to_open_;  // in order of time
  std::deque<Drip> drips_;                      // in order of time, since all are as far apart
  std::size_t connecting_ = 0;
  bool woken_ = false;
  HoldCounts counts_;
};

HoldRun::Impl::Impl(const HoldShape& shape, const SignedRequests* requests)
    : shape_(shape), requests_(requests), head_(HeadStart(shape)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (requests_ != nullptr) request_ = requests_->image();
  for (std::size_t i = 0; i < shape_.connections; ++i) {
    slots_.push_back(std::make_unique<Slot>());
    slots_.back()->index = i;
    to_open_.emplace_back(Time(), slots_.back().get());
  }
}

Result<> HoldRun::Impl::Open(milliseconds deadline) {
  const Time end = steady_clock::now() + deadline;
  while (counts_.held < shape_.connections) {
    const Time now = steady_clock::now();
    if (now > end) {
      return Fail(ErrorCode::kUnavailable, "holds " + std::to_string(counts_.held) + " of " +
                                               std::to_string(shape_.connections) + " connections; refused " +
                                               std::to_string(counts_.refused) + ", closed " +
                                               std::to_string(counts_.closed));
    }
    Step(end);
  }
  return {};
}

void HoldRun::Impl::Hold(milliseconds time, int wake_fd) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLHUP;
  event.data.ptr = nullptr;
  if (wake_fd >= 0) epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_fd, &event);  // fails for a file, which never wakes anyone
  const Time end = steady_clock::now() + time;
  while (!woken_ && steady_clock::now() < end) Step(end);
  if (wake_fd >= 0) epoll_ctl(epoll_, EPOLL_CTL_DEL, wake_fd, nullptr);
}

void HoldRun::Impl::Step(Time until) {
  const Time now = steady_clock::now();
  OpenSome(now);
  DripDue(now);
  Time wake = std::min(until, now + kLongestWait);
  if (!drips_.empty()) wake = std::min(wake, drips_.front().due);
  const auto wait = std::max(nanoseconds(0), nanoseconds(wake - now));
  const timespec timeout{.tv_sec = wait.count() / 1'000'000'000, .tv_nsec = wait.count() % 1'000'000'000};
  std::array<epoll_event, 256> events;
  const int ready = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    if (event.data.ptr == nullptr) {
      woken_ = true;
    } else {
      Serve(*static_cast<Slot*>(event.data.ptr), event.events);
    }
  }
}

void HoldRun::Impl::OpenSome(Time now) {
  while (connecting_ < kConnectingMax && !to_open_.empty() && to_open_.front().first <= now) {
    Slot& slot = *to_open_.front().second;
    to_open_.pop_front();
    Open(slot);
  }
}

void HoldRun::Impl::Open(Slot& slot) {
  ++slot.opening;
  slot.sent = 0;
  ++connecting_;
  if (!slot.connection.Open(epoll_, shape_.port, SourceOf(slot.index, shape_.sources))) OnClosed(slot);
}

void HoldRun::Impl::Serve(Slot& slot, std::uint32_t epoll_events) {
  switch (slot.connection.OnReady(epoll_events)) {
    case HeldConnection::Event::kNothing: return;
    case HeldConnection::Event::kConnected: return OnConnected(slot);
    case HeldConnection::Event::kAnswered: return OnAnswered(slot);
    case HeldConnection::Event::kClosed: return OnClosed(slot);
  }
}

void HoldRun::Impl::OnConnected(Slot& slot) {
  --connecting_;
  ++counts_.opened;
  if (requests_ == nullptr) return SendDrip(slot, steady_clock::now());
  requests_->Patch(slot.index, request_.data());
  if (!slot.connection.Send(request_)) OnClosed(slot);
}

void HoldRun::Impl::OnAnswered(Slot& slot) {
  ++counts_.answers[slot.connection.status()];
  if (requests_ != nullptr) SetHeld(slot, slot.connection.status() == 200);
}

void HoldRun::Impl::OnClosed(Slot& slot) {
  if (slot.connection.state() == HeldConnection::State::kOpen) {
    ++counts_.closed;
  } else {
    --connecting_;
    ++counts_.refused;
  }
  SetHeld(slot, false);
  slot.connection.Close();
  if (requests_ == nullptr) to_open_.emplace_back(steady_clock::now() + shape_.reopen_delay, &slot);
}

void HoldRun::Impl::DripDue(Time now) {
  while (!drips_.empty() && drips_.front().due <= now) {
    const Drip drip = drips_.front();
    drips_.pop_front();
    const bool open = drip.slot->connection.state() == HeldConnection::State::kOpen;
    if (open && drip.opening == drip.slot->opening) SendDrip(*drip.slot, now);
  }
}

void HoldRun::Impl::SendDrip(Slot& slot, Time now) {
  const char byte = slot.sent < head_.size() ? head_[slot.sent] : 'a';
  if (!slot.connection.Send({&byte, 1})) return OnClosed(slot);
  ++slot.sent;
  ++counts_.bytes_sent;
  SetHeld(slot, true);
  drips_.push_back({now + shape_.drip, &slot, slot.opening});
}

void HoldRun::Impl::SetHeld(Slot& slot, bool held) {
  if (slot.held == held) return;
  slot.held = held;
  counts_.held += held ? 1 : std::size_t(-1);
}

HoldRun::HoldRun(const HoldShape& shape, const SignedRequests& requests)
    : impl_(std::make_unique<Impl>(shape, &requests)) {}
HoldRun::HoldRun(const HoldShape& shape) : impl_(std::make_unique<Impl>(shape, nullptr)) {}
HoldRun::~HoldRun() = default;
Result<> HoldRun::Open(milliseconds deadline) { return impl_->Open(deadline); }
void HoldRun::Hold(milliseconds time, int wake_fd) { impl_->Hold(time, wake_fd); }
const HoldCounts& HoldRun::counts() const { return impl_->counts(); }

}  // namespace keystrand::bench
