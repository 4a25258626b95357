#pragma once

#include <cstddef>
#include <string_view>

#include "worker/handlers/unit_of_work.h"
#include "worker/memory/known_rows.h"
#include "worker/memory/stale_check.h"
#include "worker/store/new_rows.h"

namespace keystrand::worker::memory {

/// What is known of rows without a look at them, so that a small batch is decided and written in one round trip.
/// Nothing rests on it but time: each row is written on the condition that it is what it was taken for. Shared by all
/// executors; thread-safe.
class RowMemory {
 public:
  struct Settings {
    StaleCheck::Settings stale{};
    KnownRows::Settings rows{};
    /// Of a batch that goes without a look. More new rows are copied, which is a round trip each.
    std::size_t events_max = store::kCopiedRowsMin - 1;
  };
  using Time = KnownRows::Time;
  explicit RowMemory(Settings settings)
      : events_max_(settings.events_max), stale_(settings.stale), rows_(settings.rows) {}

  /// Whether a batch of so many events that need `keys` goes without a look. Then those rows are in `work` that are not
  /// just to be replaced by the newest event of their object. `database`: Session::identity, here and below.
  [[nodiscard]] bool Supplies(const handlers::RowKeys& keys, std::size_t events, std::string_view database, Time now,
                              handlers::UnitOfWork& work);
  /// What a batch found that did look, before it changed anything. `careful`: it was not to guess, perhaps because its
  /// first guess was refused.
  void Looked(const handlers::RowKeys& keys, std::size_t events, const handlers::UnitOfWork& found, bool careful);
  /// What a batch of so many events has committed. `version`: of the rows that it wrote, as far as it was told.
  /// `replaced`: not only those that it updated.
  void Committed(const handlers::UnitOfWork& work, std::size_t events, std::string_view version, bool replaced,
                 std::string_view database, Time now);
  /// A batch was refused: somebody else may have written what was known.
  void Refused(const handlers::UnitOfWork& work);

 private:
  const std::size_t events_max_;
  StaleCheck stale_;
  KnownRows rows_;
};

}  // namespace keystrand::worker::memory
