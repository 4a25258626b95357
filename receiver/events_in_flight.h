#pragma once

#include <array>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace keystrand::receiver {

/// What the log says of an event.
struct EventIds {
  std::string request_id;
  std::string trace_id;
  std::string event_id;    ///< empty if the body is unreadable
  std::string event_type;  ///< likewise
};

/// The events that wait for their delivery report, by request id: so that whoever ends the waiting can name the event,
/// and knows whether the other has ended it before. Thread-safe.
class EventsInFlight {
 public:
  /// `event` must stay until Reported.
  void Add(const EventIds& event);
  /// Its exchange ended before its report came: too late, or without its sender. Empty if the report came first, or the
  /// request was never added.
  std::optional<EventIds> GiveUp(std::string_view request_id);
  /// The report has come. False if GiveUp came first: then the sender was not told 200.
  bool Reported(const EventIds& event);

 private:
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string_view, const EventIds*> events;
  };
  Shard& ShardOf(std::string_view request_id);

  std::array<Shard, 16> shards_;  // so that loops do not wait for each other
};

}  // namespace keystrand::receiver
