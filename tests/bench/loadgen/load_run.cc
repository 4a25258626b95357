#include "tests/bench/loadgen/load_run.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <memory>
#include <optional>

#include "tests/bench/loadgen/connection.h"
#include "tests/bench/measure/process_cpu.h"

namespace keystrand::bench {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

constexpr auto kOpenTimeout = std::chrono::seconds(5);
constexpr auto kReopenDelay = std::chrono::milliseconds(100);
constexpr auto kLongestWait = std::chrono::milliseconds(100);  // between looks at the clock when nothing happens

class LoadRun {
 public:
  LoadRun(const LoadShape& shape, const SignedRequests& requests);
  ~LoadRun() { close(epoll_); }
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;

  Result<> OpenAll();
  LoadResult Measure();

 private:
  [[nodiscard]] bool OpenLoop() const { return shape_.rate > 0; }
  [[nodiscard]] SteadyTime DueTime(std::size_t index) const;
  [[nodiscard]] bool InWindow(SteadyTime due) const { return due >= window_begin_ && due < window_end_; }
  [[nodiscard]] bool SendingIsOver(SteadyTime now) const;
  [[nodiscard]] bool Finished(SteadyTime now) const;
  [[nodiscard]] SteadyTime NextWake(SteadyTime now) const;

  void Begin();
  void SendDue(SteadyTime now);
  void SendOn(Connection& connection, SteadyTime due);
  void Wait(SteadyTime until);
  void Serve(Connection& connection, std::uint32_t epoll_events);
  void OnAnswer(Connection& connection);
  void OnFailure(Connection& connection);
  void Reopen(Connection& connection);
  void ReopenDue(SteadyTime now);
  void ReadCpuTimes(SteadyTime now);
  void CountUnanswered(SteadyTime now);

  const LoadShape& shape_;
  const SignedRequests& requests_;
  const int epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Connection*> idle_;
  std::deque<std::pair<SteadyTime, Connection*>> closed_;  // when to open again, in order of time

  std::size_t planned_ = 0;  // open loop: requests due before the window ends
  std::size_t next_ = 0;
  std::size_t busy_ = 0;
  SteadyTime begin_;
  system_clock::time_point begin_by_wall_clock_;
  SteadyTime window_begin_;
  SteadyTime window_end_;
  SteadyTime last_answer_;

  struct CpuReading {
    SteadyTime at;
    std::uint64_t answers = 0;
    std::map<std::string, double> seconds;
  };
  std::vector<CpuReading> cpu_readings_;  // at the window's begin, then at its end
  std::uint64_t answers_ = 0;
  LoadResult result_;
};

LoadRun::LoadRun(const LoadShape& shape, const SignedRequests& requests)
    : shape_(shape), requests_(requests), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  prctl(PR_SET_TIMERSLACK, 1000UL);  // ns; the default of 50 µs would be most of the spacing at 20,000 a second
  for (std::size_t i = 0; i < shape.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(requests.image()));
  }
}

Result<> LoadRun::OpenAll() {
  for (auto& connection : connections_) Reopen(*connection);
  const SteadyTime deadline = steady_clock::now() + kOpenTimeout;
  while (idle_.size() < connections_.size()) {
    const SteadyTime now = steady_clock::now();
    if (now > deadline || result_.errors.refused > 0) {
      return Fail(ErrorCode::kUnavailable, "cannot open all connections to 127.0.0.1");
    }
    Wait(now + kReopenDelay);
  }
  return {};
}

void LoadRun::Begin() {
  constexpr auto kHeadStart = std::chrono::milliseconds(20);
  begin_ = steady_clock::now() + kHeadStart;
  begin_by_wall_clock_ = system_clock::now() + kHeadStart;
  window_begin_ = begin_ + shape_.warm_up;
  window_end_ = window_begin_ + shape_.duration;
  last_answer_ = window_end_;
  if (OpenLoop()) {
    const std::chrono::duration<double> sending = shape_.warm_up + shape_.duration;
    planned_ = std::min(requests_.size(), static_cast<std::size_t>(std::ceil(sending.count() * shape_.rate)));
  }
}

LoadResult LoadRun::Measure() {
  Begin();
  const auto own_cpu_before = OwnCpuTime();
  SteadyTime now = steady_clock::now();
  while (!Finished(now)) {
    ReadCpuTimes(now);
    ReopenDue(now);
    SendDue(now);
    Wait(NextWake(now));
    now = steady_clock::now();
  }
  CountUnanswered(now);
  result_.own_cpu = OwnCpuTime() - own_cpu_before;
  result_.elapsed = last_answer_ - window_begin_;
  result_.sent = next_;
  return std::move(result_);
}

SteadyTime LoadRun::DueTime(std::size_t index) const {
  return begin_ + nanoseconds(static_cast<std::int64_t>(static_cast<double>(index) * 1e9 / shape_.rate));
}

bool LoadRun::SendingIsOver(SteadyTime now) const {
  return OpenLoop() ? next_ >= planned_ : now >= window_end_ || next_ >= requests_.size();
}

bool LoadRun::Finished(SteadyTime now) const {
  if (now >= window_end_ + shape_.grace) return true;
  return now >= window_end_ && cpu_readings_.size() == 2 && busy_ == 0 && SendingIsOver(now);
}

SteadyTime LoadRun::NextWake(SteadyTime now) const {
  SteadyTime wake = now + kLongestWait;
  if (OpenLoop() && next_ < planned_ && !idle_.empty()) wake = std::min(wake, DueTime(next_));
  for (const SteadyTime edge : {begin_, window_begin_, window_end_}) {
    if (edge > now) wake = std::min(wake, edge);
  }
  return wake;
}

void LoadRun::SendDue(SteadyTime now) {
  while (now >= begin_ && !idle_.empty() && !SendingIsOver(now)) {
    const SteadyTime due = OpenLoop() ? DueTime(next_) : now;
    if (due > now) return;
    Connection& connection = *idle_.front();
    idle_.pop_front();
    SendOn(connection, due);
    if (!OpenLoop()) now = steady_clock::now();  // closed loop: latency begins here, not at the batch's first
  }
  if (!OpenLoop() && next_ >= requests_.size() && now < window_end_) result_.ran_out_of_requests = true;
}

void LoadRun::SendOn(Connection& connection, SteadyTime due) {
  const Assignment assignment{next_++, due};
  if (InWindow(due)) ++result_.due;
  requests_.Patch(assignment.index, connection.request());
  ++busy_;
  if (connection.Send(assignment) == Connection::Event::kFailed) OnFailure(connection);
}

void LoadRun::Wait(SteadyTime until) {
  std::array<epoll_event, 64> events;
  const auto wait = std::max(nanoseconds(0), nanoseconds(until - steady_clock::now()));
  const timespec timeout{.tv_sec = wait.count() / 1'000'000'000, .tv_nsec = wait.count() % 1'000'000'000};
  const int ready = epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &timeout, nullptr);
  for (int i = 0; i < ready; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    Serve(*static_cast<Connection*>(event.data.ptr), event.events);
  }
}

void LoadRun::Serve(Connection& connection, std::uint32_t epoll_events) {
  switch (connection.OnReady(epoll_events)) {
    case Connection::Event::kNothing: return;
    case Connection::Event::kConnected: return idle_.push_back(&connection);
    case Connection::Event::kAnswered: return OnAnswer(connection);
    case Connection::Event::kFailed: return OnFailure(connection);
  }
}

void LoadRun::OnAnswer(Connection& connection) {
  const SteadyTime now = steady_clock::now();
  const Assignment& request = connection.assignment();
  --busy_;
  ++answers_;
  if (connection.status() == 200) ++result_.accepted;
  if (InWindow(request.due)) {
    result_.latency.Record(now - request.due);
    ++result_.statuses[connection.status()];
    last_answer_ = std::max(last_answer_, now);
    const auto wall = [this](SteadyTime time) {
      return begin_by_wall_clock_ + std::chrono::duration_cast<system_clock::duration>(time - begin_);
    };
    result_.deliveries.push_back({request.index, wall(request.due), wall(now), connection.status()});
  }
  if (connection.reusable()) return idle_.push_back(&connection);
  Reopen(connection);
}

void LoadRun::OnFailure(Connection& connection) {
  if (connection.state() == Connection::State::kBusy) {
    --busy_;
    if (InWindow(connection.assignment().due)) ++result_.errors.broken;
  }
  if (connection.state() == Connection::State::kConnecting) ++result_.errors.refused;
  std::erase(idle_, &connection);
  connection.Close();
  closed_.emplace_back(steady_clock::now() + kReopenDelay, &connection);
}

void LoadRun::Reopen(Connection& connection) {
  if (!connection.Open(epoll_, shape_.port)) OnFailure(connection);
}

void LoadRun::ReopenDue(SteadyTime now) {
  while (!closed_.empty() && closed_.front().first <= now) {
    Connection& connection = *closed_.front().second;
    closed_.pop_front();
    Reopen(connection);
  }
}

void LoadRun::ReadCpuTimes(SteadyTime now) {
  const SteadyTime next_edge = cpu_readings_.empty() ? window_begin_ : window_end_;
  if (cpu_readings_.size() == 2 || now < next_edge) return;
  CpuReading reading{.at = now, .answers = answers_, .seconds = {}};
  for (const auto& [name, pids] : shape_.cpu_of) {
    if (const auto time = CpuTimeOf(pids)) reading.seconds[name] = time->count();
  }
  cpu_readings_.push_back(reading);
  if (cpu_readings_.size() < 2) return;
  const CpuReading& first = cpu_readings_.front();
  result_.window = now - first.at;
  result_.answers_between_readings = answers_ - first.answers;
  for (const auto& [name, seconds] : reading.seconds) {
    if (first.seconds.contains(name)) result_.cpu_seconds[name] = seconds - first.seconds.at(name);
  }
}

/// What the receiver still owes at the end waited at least this long: leaving it out would flatter a receiver that
/// hangs.
void LoadRun::CountUnanswered(SteadyTime now) {
  const auto count = [&](SteadyTime due) {
    if (!InWindow(due)) return;
    ++result_.errors.unanswered;
    result_.latency.Record(now - due);
  };
  for (const auto& connection : connections_) {
    if (connection->state() == Connection::State::kBusy) count(connection->assignment().due);
  }
  for (std::size_t index = next_; OpenLoop() && index < planned_; ++index) {
    if (InWindow(DueTime(index))) ++result_.due;
    count(DueTime(index));
  }
}

}  // namespace

Result<LoadResult> RunLoad(const LoadShape& shape, const SignedRequests& requests) {
  LoadRun run(shape, requests);
  if (const auto opened = run.OpenAll(); !opened) return Fail(opened.error());
  return run.Measure();
}

}  // namespace keystrand::bench
