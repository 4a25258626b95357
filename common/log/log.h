#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "common/core/clock.h"
#include "common/log/action.h"
#include "common/log/field.h"

/// JSON lines, one object a line: timestamp, level, action, message, service, instance, version, then the fields given.
/// Thread-safe throughout. Before Start lines go straight to stderr.
namespace keystrand::log {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError };
inline constexpr std::array<std::string_view, 4> kLevelNames = {"debug", "info", "warn", "error"};
constexpr std::string_view NameOf(Level level) { return kLevelNames[static_cast<std::size_t>(level)]; }

struct Settings {
  std::string service;   ///< "keystrand-worker"
  std::string instance;  ///< which of them: host name and process id; empty: made here
  std::string version;
  Level level = Level::kInfo;
  /// Takes each line, newline included, on the logging thread. Empty: standard output.
  std::function<void(std::string_view line)> sink;
  const Clock* clock = nullptr;  ///< outlives Stop; null: the system's
};

/// From here on lines are queued (8192; when full the oldest is dropped and counted) and written by one thread, each at
/// once. More than 10 lines a second of one action and error_code become one line with `suppressed` (but at
/// level debug: there the history of each event must be complete). Call once, before other threads start; again only
/// after Stop.
void Start(Settings settings);
/// Writes what is queued, within a second if the reader hangs, and goes back to stderr. Call last, when no thread logs
/// any more.
void Stop();
/// Stops at the end of main's scope, however it is left.
struct Session {
  explicit Session(Settings settings) { Start(std::move(settings)); }
  ~Session() { Stop(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
};

namespace internal {
extern std::atomic<Level> threshold;
void Write(Level level, Action action, std::string_view message, const FieldValue* fields, std::size_t count);
}  // namespace internal

/// Whether a line of this level is wanted: one relaxed load. Ask first where a field costs something to build.
inline bool Enabled(Level level) { return level >= internal::threshold.load(std::memory_order_relaxed); }
void SetLevel(Level level);

/// A constant sentence: values go in fields. Only a literal converts to it.
class Message {
 public:
  template <std::size_t N>
  consteval Message(const char (&text)[N]) : text_(text, N - 1) {}
  [[nodiscard]] std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

using Fields = std::initializer_list<FieldValue>;

inline void Write(Level level, Action action, Message message, Fields fields = {}) {
  if (Enabled(level)) internal::Write(level, action, message.text(), fields.begin(), fields.size());
}
/// Per event, happy path: off by default.
inline void Debug(Action action, Message message, Fields fields = {}) { Write(Level::kDebug, action, message, fields); }
/// Per change of state.
inline void Info(Action action, Message message, Fields fields = {}) { Write(Level::kInfo, action, message, fields); }
inline void Warn(Action action, Message message, Fields fields = {}) { Write(Level::kWarn, action, message, fields); }
inline void Error(Action action, Message message, Fields fields = {}) { Write(Level::kError, action, message, fields); }

struct Counts {
  std::array<std::uint64_t, 4> lines{};  ///< by level, suppressed ones included
  std::uint64_t dropped = 0;             ///< pushed out of the full queue, or not taken by the log's reader
};
/// Since the process started.
[[nodiscard]] Counts CountsSoFar();

}  // namespace keystrand::log
