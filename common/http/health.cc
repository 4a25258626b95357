#include "common/http/health.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

namespace keystrand::http {
namespace {

/// As a JSON string. Names and details are our own ASCII; anything else is replaced.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c < 0x20 || c == 0x7F ? '?' : c;
  }
  return quoted += '"';
}

std::string Rfc3339(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  (void)std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text.data();
}

std::string Rendered(const Health::CheckState& check) {
  return Quoted(check.name) + ":{\"ok\":" + (check.ok ? "true" : "false") +
         ",\"since\":" + Quoted(Rfc3339(check.since)) + ",\"detail\":" + Quoted(check.detail) + "}";
}

}  // namespace

void Health::Add(Kind kind, std::string name, std::function<State()> probe) {
  const std::lock_guard lock(mutex_);
  entries_.push_back({kind, std::move(name), std::move(probe), false, clock_.Now()});
}

std::function<void(Health::State)> Health::Add(Kind kind, std::string name, State initial) {
  struct Told {
    std::mutex mutex;
    State state;
  };
  const auto told = std::make_shared<Told>();
  told->state = std::move(initial);
  Add(kind, std::move(name), [told] {
    const std::lock_guard lock(told->mutex);
    return told->state;
  });
  return [told](State state) {
    const std::lock_guard lock(told->mutex);
    told->state = std::move(state);
  };
}

std::vector<Health::CheckState> Health::Check(Kind kind) {
  const std::lock_guard lock(mutex_);
  std::vector<CheckState> checks;
  for (Entry& entry : entries_) {
    if (entry.kind != kind) continue;
    State state = entry.probe();
    if (state.ok != std::exchange(entry.ok, state.ok)) entry.since = clock_.Now();
    checks.push_back({entry.name, state.ok, entry.since, std::move(state.detail)});
  }
  return checks;
}

bool Health::Render(Kind kind, std::string& body) {
  const std::vector<CheckState> checks = Check(kind);
  const bool ok = std::all_of(checks.begin(), checks.end(), [](const CheckState& check) { return check.ok; });
  body = ok ? R"({"status":"ok","checks":{)" : R"({"status":"failing","checks":{)";
  for (const CheckState& check : checks) {
    if (&check != &checks.front()) body += ',';
    body += Rendered(check);
  }
  body += "}}\n";
  return ok;
}

}  // namespace keystrand::http
