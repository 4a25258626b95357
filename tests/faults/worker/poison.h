#pragma once

#include <string>

#include "worker/handlers/handler.h"

namespace keystrand::faults {

/// Fails as the event itself asks for: its object's metadata has `"keystrand_fault":"<what>:<times>"`, where <what> is
/// the name of an ErrorCode, `throw`, `abort` (the process dies) or `sleep` (three seconds, then all is well), and
/// <times> is how often; afterwards it lets the event pass. `<what>:always` never does.
///
/// Each failure is a line `<Unix ns> <pid> <what>` in `<folder>/<event id>`, written before it happens: so the count
/// survives the process, whichever worker is next, and the checker can read when each came. The tests' sender writes
/// the metadata; nothing else may.
class Poison final : public worker::handlers::Handler {
 public:
  explicit Poison(std::string folder) : folder_(std::move(folder)) {}
  [[nodiscard]] std::string_view Name() const override { return "poison"; }
  [[nodiscard]] std::vector<std::string_view> Tables() const override { return {}; }
  void Need(const worker::handlers::Event& /*event*/, worker::handlers::RowKeys& /*keys*/) const override {}
  Result<worker::handlers::Outcome> Apply(const worker::handlers::Event& event,
                                          worker::handlers::UnitOfWork& work) const override;

 private:
  [[nodiscard]] int FailuresOf(const std::string& event_id) const;
  void NoteFailure(const std::string& event_id, const std::string& what) const;

  std::string folder_;
};

}  // namespace keystrand::faults
