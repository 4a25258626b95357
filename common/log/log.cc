#include "common/log/log.h"

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "common/log/folding.h"
#include "common/log/json_line.h"
#include "common/log/line_writer.h"

namespace keystrand::log {
namespace internal {
std::atomic<Level> threshold{Level::kInfo};
}  // namespace internal

namespace {

constexpr std::size_t kQueueLines = 8192;
constexpr std::chrono::milliseconds kLastLinesTimeout{1'000};  // a reader that hangs must not keep the process

spdlog::level::level_enum ToSpdlog(Level level) {
  constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};
  return kLevels[static_cast<std::size_t>(level)];
}

/// Lines arrive complete; only the queue's one thread calls this.
class LineSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  /// `write` empty: to standard output.
  explicit LineSink(std::function<void(std::string_view)> write) : write_(std::move(write)) {}

  void Stop(std::chrono::milliseconds timeout) { output_.Stop(timeout); }
  [[nodiscard]] std::uint64_t lost() const { return output_.lost(); }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    const std::string_view line(message.payload.data(), message.payload.size());
    write_ ? write_(line) : output_.Write(line);
  }
  void flush_() override {}  // nothing is held back

 private:
  std::function<void(std::string_view)> write_;
  LineWriter output_{STDOUT_FILENO};
};

std::string ThisInstance() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return std::string(host.data()) + ":" + std::to_string(getpid());
}

std::string_view ErrorCodeOf(const FieldValue* fields, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (fields[i].field == Field::kErrorCode) return fields[i].value.text();
  }
  return {};
}

/// A started log: the queue and its thread, the folding and its.
class Logger {
 public:
  explicit Logger(Settings settings)
      : settings_(std::move(settings)),
        clock_(settings_.clock != nullptr ? *settings_.clock : system_clock_),
        pool_(std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1)),
        sink_(std::make_shared<LineSink>(settings_.sink)),
        queue_(std::make_shared<spdlog::async_logger>("lines", sink_, pool_,
                                                      spdlog::async_overflow_policy::overrun_oldest)) {
    if (settings_.instance.empty()) settings_.instance = ThisInstance();
    queue_->set_level(spdlog::level::trace);  // the threshold is asked before a line is built
    summaries_ = std::jthread([this](const std::stop_token& stop) { WriteSummaries(stop); });
  }

  ~Logger() {
    summaries_.request_stop();
    summaries_.join();
    Write(folding_.End(std::chrono::steady_clock::time_point::max()));
    sink_->Stop(kLastLinesTimeout);
    pool_.reset();  // writes what is queued and joins its thread: the sink that it uses must outlive it
  }

  void Write(Level level, Action action, std::string_view message, const FieldValue* fields, std::size_t count) {
    const bool folds = internal::threshold.load(std::memory_order_relaxed) > Level::kDebug;
    if (folds && !folding_.Admit({level, action, ErrorCodeOf(fields, count), message}, clock_.Steady())) {
      return;
    }
    Enqueue(level, BuildLine(Head(level, action, message), fields, count));
  }

  [[nodiscard]] std::uint64_t dropped() const { return pool_->overrun_counter() + sink_->lost(); }

 private:
  [[nodiscard]] LineHead Head(Level level, Action action, std::string_view message) const {
    return {clock_.Now(), level, action, message, settings_.service, settings_.instance, settings_.version};
  }
  void Enqueue(Level level, const std::string& line) { queue_->log(ToSpdlog(level), spdlog::string_view_t(line)); }

  void Write(const std::vector<Folding::Summary>& summaries) {
    for (const auto& summary : summaries) {
      const FieldValue code{Field::kErrorCode, summary.error_code};
      Enqueue(summary.level, BuildLine(Head(summary.level, summary.action, summary.message), &code,
                                       summary.error_code.empty() ? 0 : 1, summary.suppressed));
    }
  }

  /// A storm may be the last thing that happens: its summary must not wait for another line.
  void WriteSummaries(const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      asleep_.wait_for(lock, stop, Folding::kWindow, [] { return false; });
      Write(folding_.End(clock_.Steady()));
    }
  }

  SystemClock system_clock_;
  Settings settings_;
  const Clock& clock_;
  Folding folding_;
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<LineSink> sink_;
  std::shared_ptr<spdlog::async_logger> queue_;
  std::condition_variable_any asleep_;
  std::jthread summaries_;
};

/// The process's log. Leaked on purpose: lines may still come while static objects die.
struct State {
  std::shared_mutex mutex;
  std::unique_ptr<Logger> logger;
  std::array<std::atomic<std::uint64_t>, 4> lines{};
  std::uint64_t dropped_before = 0;  // by loggers that are stopped
};
State& TheState() {
  static State& state = *new State;
  return state;
}

void WriteToStderr(Level level, Action action, std::string_view message, const FieldValue* fields, std::size_t count) {
  const auto line =
      BuildLine({SystemClock().Now(), level, action, message, "keystrand", ThisInstance(), ""}, fields, count);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace

void internal::Write(Level level, Action action, std::string_view message, const FieldValue* fields,
                     std::size_t count) {
  auto& state = TheState();
  state.lines[static_cast<std::size_t>(level)].fetch_add(1, std::memory_order_relaxed);
  const std::shared_lock lock(state.mutex);
  if (!state.logger) return WriteToStderr(level, action, message, fields, count);
  state.logger->Write(level, action, message, fields, count);
}

void Start(Settings settings) {
  SetLevel(settings.level);
  auto logger = std::make_unique<Logger>(std::move(settings));
  auto& state = TheState();
  const std::unique_lock lock(state.mutex);
  state.logger = std::move(logger);
}

void Stop() {
  auto& state = TheState();
  std::unique_ptr<Logger> stopped;
  {
    const std::unique_lock lock(state.mutex);
    stopped = std::move(state.logger);
    if (stopped) state.dropped_before += stopped->dropped();
  }
}

void SetLevel(Level level) { internal::threshold.store(level, std::memory_order_relaxed); }

Counts CountsSoFar() {
  auto& state = TheState();
  Counts counts;
  for (std::size_t i = 0; i < counts.lines.size(); ++i)
    counts.lines[i] = state.lines[i].load(std::memory_order_relaxed);
  const std::shared_lock lock(state.mutex);
  counts.dropped = state.dropped_before + (state.logger ? state.logger->dropped() : 0);
  return counts;
}

}  // namespace keystrand::log
