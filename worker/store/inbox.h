#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "worker/store/session.h"

namespace keystrand::worker::store {

/// How an event ended (or waits): the `status` of keystrand.inbox.
enum class InboxStatus : std::uint8_t { kApplied, kStale, kIgnored, kParked, kDead, kReplaying, kDiscarded };

std::string_view NameOf(InboxStatus status);

/// Identity of an event: the primary key of the inbox.
struct EventKey {
  std::string scope;
  std::string event_id;
  auto operator<=>(const EventKey&) const = default;
};

/// The same, of strings that live elsewhere.
struct EventKeyView {
  std::string_view scope;
  std::string_view event_id;
  auto operator<=>(const EventKeyView&) const = default;
};

inline EventKeyView ViewOf(const EventKey& key) { return {key.scope, key.event_id}; }

/// Where a record lies.
struct SourcePosition {
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  auto operator<=>(const SourcePosition&) const = default;
};

/// What the inbox knows of an event.
struct KnownEvent {
  EventKey key;
  InboxStatus status = InboxStatus::kApplied;
  SourcePosition source;
  std::string replay_id;  ///< empty: none
};

/// Those of `keys` that the inbox knows: deferred; then they are in `known`, which outlives the transaction.
void FindKnown(Transaction& transaction, const std::vector<EventKeyView>& keys, std::vector<KnownEvent>& known);

/// A row to write; its views outlive the call that does.
struct InboxRow {
  EventKeyView key;
  std::string_view event_type;
  std::string_view ordering_key;
  std::string_view object_type;
  std::string_view object_id;
  std::string_view api_version;
  std::int64_t event_created = 0;   ///< Unix s
  std::int64_t received_at_ms = 0;  ///< Unix ms
  std::string_view source_topic;
  std::int32_t source_partition = 0;
  std::int64_t source_offset = 0;
  std::string_view replay_id;
  InboxStatus status = InboxStatus::kApplied;
  std::string_view reason;
  int attempts = 1;
  std::string_view error_code;
};

/// Inserts the rows, with the next statement or the commit. Errors: kConflict: another partition settled one of the
/// events first.
Result<> InsertInbox(Transaction& transaction, const std::vector<InboxRow>& rows);

/// Gives events that are parked or being replayed their next status. Returns how many were: fewer than given means that
/// somebody else settled one.
Result<std::size_t> UpdateInbox(Transaction& transaction, const std::vector<InboxRow>& rows);

}  // namespace keystrand::worker::store
