#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/kafka/admin.h"
#include "worker/operator/console.h"
#include "worker/operator/settings.h"
#include "worker/store/gaps.h"

namespace keystrand::worker::op {

/// Where the workers' position of a partition and its log are.
struct PartitionPlace {
  std::int32_t partition = 0;
  std::int64_t position = 0;  ///< where a worker would start
  kafka::Watermarks log;
  std::optional<store::Gap> accepted;

  /// Retention passed the position, or the topic was made anew.
  [[nodiscard]] bool Outside() const { return position < log.low || position > log.high; }
  /// Records that were deleted before they were read; 0 if the position is behind the log's end.
  [[nodiscard]] std::int64_t Missing() const { return position < log.low ? log.low - position : 0; }
  /// What an operator has to accept.
  [[nodiscard]] store::Gap Needed() const { return {position, log.low}; }
};

/// The partition number that a command was given; empty: it is none.
std::optional<std::int32_t> PartitionNumber(const std::string& text);

/// Pure.
std::string GapsText(const std::vector<PartitionPlace>& gaps);
std::string GapsJson(const std::vector<PartitionPlace>& gaps);

/// `keystrand gap list`, `gap accept`
Reply ListGaps(const Settings& settings);
Reply AcceptGap(const Settings& settings);

}  // namespace keystrand::worker::op
