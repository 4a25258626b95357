#include "worker/engine/parked_loader.h"

#include <map>
#include <utility>

#include "worker/store/parking.h"

namespace keystrand::worker::engine {
namespace {

constexpr int kStrandsPerLoad = 64;
constexpr int kEventsPerStrand = 50;

}  // namespace

bool ParkedLoader::Load(store::Session& session, const std::vector<std::int32_t>& partitions) {
  if (partitions.empty()) return true;
  std::vector<store::ParkedEvent> due;
  const auto found = session.InTransaction([&](store::Transaction& transaction) -> Result<> {
    auto events = store::FindDue(transaction, topic_, partitions, kStrandsPerLoad, kEventsPerStrand);
    if (!events) return Fail(events.error());
    due = std::move(*events);
    return {};
  });
  if (!found) return found.error().code != ErrorCode::kUnavailable;
  std::map<std::pair<std::int32_t, std::string>, std::vector<std::unique_ptr<ParkedRecord>>> strands;
  for (auto& event : due) {
    auto& records = strands[{event.partition, event.key}];
    records.push_back(std::make_unique<ParkedRecord>(std::move(event)));
  }
  for (auto& [strand, records] : strands) dispatcher_.OfferParked(strand.first, std::move(records));
  return true;
}

}  // namespace keystrand::worker::engine
