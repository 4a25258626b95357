#include "worker/engine/breakers.h"

#include <algorithm>
#include <utility>

#include "worker/store/breakers.h"
#include "worker/store/objects.h"

namespace keystrand::worker::engine {
namespace {

constexpr Breakers::Stopped Bit(std::size_t handler) { return 1U << handler; }

}  // namespace

bool Breakers::Stops(Stopped stopped, const handlers::Event& event) const {
  if (stopped == 0) return false;
  for (std::size_t i = 0; i < handlers_.size(); ++i) {
    if ((stopped & Bit(i)) != 0 && handlers_[i]->Handles(event)) return true;
  }
  return false;
}

std::vector<std::string> Breakers::Open() const {
  std::vector<std::string> names;
  const Stopped open = Now();
  for (std::size_t i = 0; i < handlers_.size(); ++i) {
    if ((open & Bit(i)) != 0) names.emplace_back(handlers_[i]->Name());
  }
  return names;
}

/// The one that failed; where the database refused what several had decided, all of the event's.
std::vector<std::size_t> Breakers::PayersOf(const Entry& entry) const {
  std::vector<std::size_t> payers;
  if (!*entry.item->event || entry.error.code == ErrorCode::kCrashed) return payers;
  for (std::size_t i = 0; i < handlers_.size(); ++i) {
    const bool blamed =
        entry.blamed == nullptr ? handlers_[i]->Handles(**entry.item->event) : handlers_[i] == entry.blamed;
    if (blamed) payers.push_back(i);
  }
  return payers;
}

Result<Breakers::Stopped> Breakers::Pay(store::Transaction& transaction, const Entry& entry,
                                        std::string_view fingerprint) {
  Stopped stopped = 0;
  for (const std::size_t payer : PayersOf(entry)) {
    const std::int64_t earned = successes_[payer].exchange(0, std::memory_order_relaxed);
    const auto opened = store::SpendToken(transaction, handlers_[payer]->Name(), earned, fingerprint, worker_);
    if (!opened) {
      successes_[payer].fetch_add(earned, std::memory_order_relaxed);
      return Fail(opened.error());
    }
    if (*opened) stopped |= Bit(payer);
  }
  return stopped;
}

void Breakers::Opened(Stopped stopped) {
  if (stopped == 0) return;
  fresh_.fetch_or(stopped);
  open_.fetch_or(stopped);
}

void Breakers::Settled(const handlers::Event& event) {
  for (std::size_t i = 0; i < handlers_.size(); ++i) {
    if (handlers_[i]->Handles(event)) successes_[i].fetch_add(1, std::memory_order_relaxed);
  }
}

Result<bool> Breakers::Trip(store::Session& session, const Error& error) {
  const std::string_view table = store::TableOf(error);
  Stopped tripped = 0;
  const auto opened = session.InTransaction([&](store::Transaction& transaction) -> Result<> {
    for (std::size_t i = 0; i < handlers_.size(); ++i) {
      const auto tables = handlers_[i]->Tables();
      if (table.empty() || std::find(tables.begin(), tables.end(), table) == tables.end()) continue;
      if (auto one = store::OpenBreaker(transaction, handlers_[i]->Name(), error.detail, worker_); !one) return one;
      tripped |= Bit(i);
    }
    return {};
  });
  if (!opened) return Fail(opened.error());
  Opened(tripped);
  return tripped != 0;
}

bool Breakers::Refresh(store::Session& session, const std::vector<std::int32_t>& partitions, bool anew) {
  Stopped open = 0;
  fresh_ = 0;
  const auto learned = session.InTransaction([&](store::Transaction& transaction) -> Result<> {
    const auto names = store::FindOpenBreakers(transaction);
    if (!names) return Fail(names.error());
    for (std::size_t i = 0; i < handlers_.size(); ++i) {
      if (std::find(names->begin(), names->end(), handlers_[i]->Name()) != names->end()) open |= Bit(i);
    }
    const bool resumed = (Now() & ~open) != 0;
    if ((!resumed && !anew) || partitions.empty()) return {};
    return store::ReleaseBreakerStrands(transaction, topic_, partitions);
  });
  if (!learned) return learned.error().code != ErrorCode::kUnavailable;
  open_ = open | fresh_;
  return true;
}

}  // namespace keystrand::worker::engine
