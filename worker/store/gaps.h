#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "worker/store/session.h"

namespace keystrand::worker::store {

/// Offsets that are not in the log any more, or not yet, and that an operator gave up.
struct Gap {
  std::int64_t from = 0;  ///< the position that was outside the log
  std::int64_t to = 0;    ///< where the partition goes on: the log's start

  bool operator==(const Gap&) const = default;
  /// Whether a partition that would start at `position` starts at `to` instead.
  [[nodiscard]] bool Covers(std::int64_t position) const {
    return position == from || (from < position && position < to);
  }
};

/// What the database knows of a partition's place.
struct Place {
  std::optional<std::int64_t> next_offset;  ///< empty: nothing settled yet
  std::optional<Gap> gap;
};

/// Of those partitions that were ever leased.
Result<std::map<std::int32_t, Place>> FindPlaces(Transaction& transaction, const std::string& topic,
                                                 const std::vector<std::int32_t>& partitions);

/// For an operator: the partition may go on at `gap.to`. False: it was never leased.
Result<bool> AcceptGap(Transaction& transaction, const std::string& topic, std::int32_t partition, const Gap& gap);

}  // namespace keystrand::worker::store
