#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/core/result.h"
#include "worker/engine/source_record.h"
#include "worker/handlers/event.h"

namespace keystrand::worker::engine {

/// What became of an item in its batch.
enum class Settlement : std::uint8_t {
  kBack,            ///< not decided: it and what follows in its lane go back to the lane's front
  kRetry,           ///< failed, and the attempt counts: likewise
  kDone,            ///< committed: its offset is complete
  kAwaitingLetter,  ///< its dead letter is committed; the offset follows when the letter is published
  kDropped,         ///< the partition is not ours any more
};

/// One event on its way through a lane. Owned by the lane, or by the executor that took it.
struct Item {
  std::unique_ptr<SourceRecord> record;
  std::optional<Result<handlers::Event>> event;  ///< parsed once, at its first attempt
  int attempts = 0;                              ///< attempts that failed and count
  std::int64_t first_failed_at_ms = 0;           ///< Unix ms of the first of them; 0: none yet
  std::optional<Error> verdict;                  ///< failed for good when it was alone: to be dead-lettered
  bool in_doubt = false;                         ///< a commit of ours may have landed: a known id is our own work
  Settlement settlement = Settlement::kBack;
  std::chrono::milliseconds delay{0};  ///< of kRetry and kBack: the lane waits that long

  [[nodiscard]] std::size_t bytes() const { return record->value().size() + record->key().size(); }
};

struct Partition;
struct Lane;

/// What one executor took of one lane: a run of events of one key, in order.
struct Slice {
  std::shared_ptr<Partition> partition;
  Lane* lane = nullptr;
  std::vector<Item> items;
};

struct Batch {
  std::vector<Slice> slices;
  std::chrono::steady_clock::time_point taken_at;
};

}  // namespace keystrand::worker::engine
