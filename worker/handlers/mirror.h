#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "worker/handlers/handler.h"

namespace keystrand::worker::handlers {

/// KEYSTRAND_MIRROR: whose snapshots are kept. Guards are kept for all objects.
struct MirrorPolicy {
  bool all = true;
  std::set<std::string, std::less<>> kinds;  ///< when not all: data.object.object of those kept; empty: none

  [[nodiscard]] bool Keeps(std::string_view kind) const { return all || kinds.contains(kind); }
};

/// Keeps the latest snapshot of every object of every event type, known or not, in stripe.objects. Deletes leave a
/// tombstone that nothing brings back.
class Mirror final : public Handler {
 public:
  explicit Mirror(MirrorPolicy policy) : policy_(std::move(policy)) {}
  [[nodiscard]] std::string_view Name() const override { return "mirror"; }
  [[nodiscard]] std::vector<std::string_view> Tables() const override { return {"stripe.objects"}; }
  void Need(const Event& event, RowKeys& keys) const override;
  Result<Outcome> Apply(const Event& event, UnitOfWork& work) const override;

 private:
  MirrorPolicy policy_;
};

/// The key of the event's object; empty when it has none: thin events, and the kinds that are notices rather than
/// objects (invoice.upcoming, billing.alert.triggered). Views of the event.
std::optional<store::ObjectKey> ObjectKeyOf(const Event& event);

}  // namespace keystrand::worker::handlers
