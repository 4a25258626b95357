#include "worker/engine/duplicate_check.h"

namespace keystrand::worker::engine {

/// `created` may be any number.
bool DuplicateCheck::IsLate(const handlers::Event& event) const {
  return event.created < event.received_at_ms / 1000 - settings_.late.count();
}

bool DuplicateCheck::Suspects(const Item& item) const {
  const handlers::Event& event = **item.event;
  return item.replay || item.parked() || item.in_doubt || item.attempts > 0 || item.fate || IsLate(event) ||
         recent_.Knows(event.envelope.id);
}

void DuplicateCheck::Learn(const Entries& entries, bool all_looked_up) {
  bool surprised = false;
  for (const auto& entry : entries) {
    if (!*entry.item->event) continue;
    surprised = surprised || (entry.known && !entry.suspected);
    const bool in_inbox = entry.known || entry.inbox != Entry::InboxWrite::kNone;
    if (in_inbox) recent_.Remember((**entry.item->event).envelope.id);
  }
  if (surprised) {
    caution_.Surprised();
  } else if (all_looked_up) {
    caution_.Calm(static_cast<std::int64_t>(entries.size()));
  }
}

}  // namespace keystrand::worker::engine
