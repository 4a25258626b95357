#include "worker/memory/row_memory.h"

#include <memory>
#include <utility>
#include <vector>

namespace keystrand::worker::memory {

bool RowMemory::Supplies(const handlers::RowKeys& keys, std::size_t events, std::string_view database, Time now,
                         handlers::UnitOfWork& work) {
  if (events > events_max_ || stale_.IsCareful()) return false;
  std::vector<std::shared_ptr<const KnownRow>> known;
  for (const auto& [key, use] : keys.objects) {
    if (!stale_.Suspects(key, use)) continue;
    auto row = rows_.Find(key, database, now);
    if (!row) return false;
    known.push_back(std::move(row));
  }
  for (auto& row : known) work.Load(row->row, row->version, row);
  return true;
}

void RowMemory::Looked(const handlers::RowKeys& keys, std::size_t events, const handlers::UnitOfWork& found,
                       bool careful) {
  if (careful || stale_.IsCareful()) stale_.Learn(keys, events, found.objects);
}

/// Of a large batch only what its rows have reached: the next of a backlog is as large, and looks at its own.
void RowMemory::Committed(const handlers::UnitOfWork& work, std::size_t events, std::string_view version, bool replaced,
                          std::string_view database, Time now) {
  stale_.Remember(work.objects);
  if (version.empty() || events > events_max_) return;
  for (const auto* row : work.objects.Changed(true)) rows_.Put(*row, version, database, now);
  if (!replaced) return;
  for (const auto* row : work.objects.Changed(false)) rows_.Put(*row, version, database, now);
}

void RowMemory::Refused(const handlers::UnitOfWork& work) {
  for (const auto& [key, version] : work.versions) rows_.Forget(key);
}

}  // namespace keystrand::worker::memory
