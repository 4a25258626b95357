#include "tests/faults/worker/bugs.h"

#include <array>
#include <utility>

#include "worker/handlers/mirror.h"

namespace keystrand::faults {

std::optional<Bug> BugNamed(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Bug>, 4> kNames = {{{"", Bug::kNone},
                                                                       {"effect-outside", Bug::kEffectOutside},
                                                                       {"order-lost", Bug::kOrderLost},
                                                                       {"last-wins", Bug::kLastWins}}};
  for (const auto& [known, bug] : kNames) {
    if (known == name) return bug;
  }
  return std::nullopt;
}

Result<worker::handlers::Outcome> LastWins::Apply(const worker::handlers::Event& event,
                                                  worker::handlers::UnitOfWork& work) const {
  const auto& envelope = event.envelope;
  const auto key = worker::handlers::ObjectKeyOf(event);
  if (key) {
    const worker::store::Candidate shown{envelope.id, envelope.type, envelope.api_version, "", envelope.object_json};
    work.objects.Put({*key, shown, event.created, {shown}, false, false});
  }
  return worker::handlers::Outcome{worker::handlers::Verdict::kIgnored, ""};
}

}  // namespace keystrand::faults
