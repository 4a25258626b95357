#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "worker/handlers/handler.h"

namespace keystrand::faults {

/// Mistakes that this worker makes when asked to, so that each run of the tests sees the checker find some. The larger
/// set, in the product's own code, is tests/faults/bugs.
enum class Bug : std::uint8_t {
  kNone,
  kEffectOutside,  ///< `effect-outside`: an effect is committed apart from its event
  kOrderLost,      ///< `order-lost`: a batch takes effect in another order than the log's
  kLastWins,       ///< `last-wins`: what arrives last is shown, however old
};

/// Empty for a name that is none of them.
std::optional<Bug> BugNamed(std::string_view name);

/// Bug::kLastWins: shows each event's object, after the mirror has judged it.
class LastWins final : public worker::handlers::Handler {
 public:
  [[nodiscard]] std::string_view Name() const override { return "last_wins"; }
  [[nodiscard]] std::vector<std::string_view> Tables() const override { return {}; }
  void Need(const worker::handlers::Event& /*event*/, worker::handlers::RowKeys& /*keys*/) const override {}
  Result<worker::handlers::Outcome> Apply(const worker::handlers::Event& event,
                                          worker::handlers::UnitOfWork& work) const override;
};

}  // namespace keystrand::faults
