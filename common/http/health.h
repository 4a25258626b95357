#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/clock.h"

namespace keystrand::http {

/// The checks behind /livez and /readyz. Checks read cached state: no I/O, no waiting. Thread-safe.
class Health {
 public:
  enum class Kind : std::uint8_t {
    kLiveness,   ///< not ok: restarting the process helps; never looks at Kafka or PostgreSQL
    kReadiness,  ///< not ok: send it no work
  };
  struct State {
    bool ok = false;
    std::string detail;  ///< one sentence for an operator; no secret, no payload
  };
  struct CheckState {
    std::string name;
    bool ok = false;
    std::chrono::system_clock::time_point since;  ///< of the present `ok`
    std::string detail;
  };

  /// `clock` must outlive this.
  explicit Health(const Clock& clock) : clock_(clock) {}

  /// A check that is asked whenever the state is wanted. What `probe` refers to must outlive this. Names are unique.
  void Add(Kind kind, std::string name, std::function<State()> probe);
  /// A check that is told: not ok with `detail` until Set. Returns the setter, which this outlives; thread-safe.
  std::function<void(State)> Add(Kind kind, std::string name, State initial);

  /// All checks of `kind`, asked now, in the order in which they were added.
  [[nodiscard]] std::vector<CheckState> Check(Kind kind);
  /// Whether all checks of `kind` are ok; fills `body` with {"status","checks":{name:{ok,since,detail}}}.
  bool Render(Kind kind, std::string& body);

 private:
  struct Entry {
    Kind kind;
    std::string name;
    std::function<State()> probe;
    bool ok = false;
    std::chrono::system_clock::time_point since;
  };
  const Clock& clock_;
  std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace keystrand::http
