#include "worker/memory/stale_check.h"

#include <algorithm>

namespace keystrand::worker::memory {

bool StaleCheck::Suspects(const store::ObjectKey& key, const handlers::RowKeys::Use& use) const {
  return !use.unless_lower || recent_.HasReached(key, *use.unless_lower);
}

void StaleCheck::Learn(const handlers::RowKeys& keys, std::size_t events, const handlers::Objects& found) {
  const bool surprised = std::any_of(keys.objects.begin(), keys.objects.end(), [&](const auto& needed) {
    const auto& [key, use] = needed;
    if (Suspects(key, use)) return false;
    const store::ObjectRow* const row = found.Find(key);
    return row != nullptr && handlers::RankOf(*row) >= *use.unless_lower;
  });
  if (surprised) {
    caution_.Surprised();
  } else if (IsCareful()) {
    caution_.Calm(static_cast<std::int64_t>(events));
  }
}

void StaleCheck::Remember(const handlers::Objects& objects) {
  for (const auto* row : objects.All()) recent_.Remember(row->key, handlers::RankOf(*row));
}

}  // namespace keystrand::worker::memory
