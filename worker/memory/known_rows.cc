#include "worker/memory/known_rows.h"

#include <utility>

namespace keystrand::worker::memory {
namespace {

constexpr std::size_t kRowBytes = 512;  ///< about what a row costs beside its texts

/// Copies texts; of one that comes again, the copy.
class Copier {
 public:
  explicit Copier(KnownRow& into) : into_(into) {}

  std::string_view operator()(std::string_view text) {
    if (text.empty()) return {};
    for (const auto& [original, copy] : copied_) {
      if (original.data() == text.data() && original.size() == text.size()) return copy;
    }
    into_.bytes += text.size();
    const std::string_view copy = into_.texts.emplace_front(text);
    copied_.emplace_front(text, copy);
    return copy;
  }

  store::Candidate operator()(const store::Candidate& candidate) {
    store::Candidate copy;
    copy.event_id = (*this)(candidate.event_id);
    copy.event_type = (*this)(candidate.event_type);
    copy.api_version = (*this)(candidate.api_version);
    copy.previous_attributes = (*this)(candidate.previous_attributes);
    copy.data = (*this)(candidate.data);
    return copy;
  }

 private:
  KnownRow& into_;
  std::forward_list<std::pair<std::string_view, std::string_view>> copied_;
};

std::shared_ptr<const KnownRow> CopyOf(const store::ObjectRow& row, std::string_view version, std::string_view database,
                                       KnownRows::Time now) {
  auto known = std::make_shared<KnownRow>();
  known->bytes = kRowBytes;
  Copier copy(*known);
  known->row.key = {copy(row.key.scope), copy(row.key.object), copy(row.key.id)};
  known->row.event_created = row.event_created;
  known->row.terminal = row.terminal;
  known->row.deleted = row.deleted;
  known->row.shown = copy(row.shown);
  for (const auto& candidate : row.candidates) known->row.candidates.push_back(copy(candidate));
  known->version = version;
  known->database = database;
  known->since = now;
  return known;
}

}  // namespace

std::shared_ptr<const KnownRow> KnownRows::Find(const store::ObjectKey& key, std::string_view database, Time now) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  const auto& known = *found->second;
  return known->database == database && now - known->since <= settings_.age_max ? known : nullptr;
}

void KnownRows::Put(const store::ObjectRow& row, std::string_view version, std::string_view database, Time now) {
  if (database.empty()) return;
  auto known = CopyOf(row, version, database, now);
  const std::lock_guard lock(mutex_);
  if (const auto before = by_key_.find(row.key); before != by_key_.end()) Drop(before->second);
  bytes_ += known->bytes;
  by_age_.push_front(std::move(known));
  by_key_.emplace(by_age_.front()->row.key, by_age_.begin());
  while (!by_age_.empty() && (bytes_ > settings_.bytes_max || now - by_age_.back()->since > settings_.age_max)) {
    Drop(std::prev(by_age_.end()));
  }
}

void KnownRows::Forget(const store::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  if (const auto found = by_key_.find(key); found != by_key_.end()) Drop(found->second);
}

void KnownRows::Drop(Rows::iterator row) {
  bytes_ -= (*row)->bytes;
  by_key_.erase((*row)->row.key);
  by_age_.erase(row);
}

}  // namespace keystrand::worker::memory
