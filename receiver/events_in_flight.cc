#include "receiver/events_in_flight.h"

#include <functional>

namespace keystrand::receiver {

EventsInFlight::Shard& EventsInFlight::ShardOf(std::string_view request_id) {
  return shards_[std::hash<std::string_view>()(request_id) % shards_.size()];
}

void EventsInFlight::Add(const EventIds& event) {
  Shard& shard = ShardOf(event.request_id);
  const std::lock_guard lock(shard.mutex);
  shard.events.emplace(event.request_id, &event);
}

std::optional<EventIds> EventsInFlight::GiveUp(std::string_view request_id) {
  Shard& shard = ShardOf(request_id);
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.events.find(request_id);
  if (found == shard.events.end()) return std::nullopt;
  EventIds event = *found->second;
  shard.events.erase(found);
  return event;
}

bool EventsInFlight::Reported(const EventIds& event) {
  Shard& shard = ShardOf(event.request_id);
  const std::lock_guard lock(shard.mutex);
  return shard.events.erase(event.request_id) > 0;
}

}  // namespace keystrand::receiver
