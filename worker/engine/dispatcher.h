#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "worker/engine/item.h"
#include "worker/engine/offset_tracker.h"
#include "worker/engine/wake_stack.h"
#include "worker/store/leases.h"

namespace keystrand::worker::engine {

using SteadyTime = std::chrono::steady_clock::time_point;

/// Bounds of what is held in memory.
struct DispatchLimits {
  std::size_t batch_max = 200;                      ///< events an executor takes at once
  std::size_t records_max = 20000;                  ///< buffered in all lanes
  std::size_t bytes_max = 40UL * 1024 * 1024;       ///< likewise
  std::size_t partition_records_max = 4000;         ///< so that one partition cannot starve the others
  std::size_t partition_open_offsets_max = 100000;  ///< above the low watermark, while a key of it waits
  std::size_t suspect_window = 1600;                ///< events that an unclean end throws suspicion on
  std::int64_t partition_parked_max = 100000;       ///< events in the database; then the partition is not read on
  std::size_t batch_small = 25;                     ///< ready keys; a transaction is dear for fewer
  std::size_t batches_young_max = 4;                ///< at work for less than batch_youth: then a small batch waits
  std::chrono::milliseconds batch_youth{10};        ///< and so the longest that it waits
};

/// The FIFO of one key. In at most one batch at a time.
struct Lane {
  enum class State : std::uint8_t { kIdle, kReady, kWaiting, kRunning };
  Partition* partition = nullptr;  ///< its owner
  std::string_view key;            ///< the owner's
  std::vector<Item> queue;
  State state = State::kIdle;
  SteadyTime due;       ///< of kWaiting
  SteadyTime ready_at;  ///< of kReady: since when
  bool parked = false;  ///< its strand does not flow: Partition::parked has its key
};

struct KeyHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
};

/// One partition while this worker holds its lease. Guarded by the dispatcher, but for the constants.
struct Partition : std::enable_shared_from_this<Partition> {
  std::int32_t number = 0;
  std::int64_t epoch = 0;
  OffsetTracker offsets;
  std::unordered_map<std::string, Lane, KeyHash, std::equal_to<>> lanes;
  std::unordered_set<std::string> parked;  ///< keys whose strand does not flow
  std::int64_t parked_events = 0;          ///< in the database
  std::size_t suspects = 0;                ///< events that are still to be tried one at a time
  std::vector<Lane*> deferred;             ///< ready, and waiting for the one that is tried
  std::size_t buffered = 0;
  int running = 0;   ///< slices that executors hold
  bool open = true;  ///< dispatched; false once revoked or fenced
  bool fenced = false;
};

/// A piece of work on a database connection that is no batch: raising a lease, storing progress, publishing letters.
/// Returns false if the database is away: it will be run again.
using Job = std::function<bool(store::Session&)>;

/// Lanes, ready list and jobs: where the poll thread, the executors and the partitions meet. One mutex; batches make
/// its cost small. Thread-safe.
class Dispatcher {
 public:
  Dispatcher(DispatchLimits limits, std::function<void()> on_room) : limits_(limits), on_room_(std::move(on_room)) {}

  /// What the database says of a partition when its lease is taken.
  struct Taken {
    std::int32_t partition = 0;
    std::int64_t epoch = 0;
    std::vector<std::string> parked{};  ///< keys whose strand does not flow
    std::int64_t parked_events = 0;
    int unclean_ends = 0;  ///< in a row, of those who held it before
  };

  // For the poll thread.
  void Open(Taken taken);
  /// Whether another record of the partition may be offered. When not, on_room is called once there may be room again.
  [[nodiscard]] bool HasRoom(std::int32_t partition);
  void Offer(std::int32_t partition, std::unique_ptr<SourceRecord> record);
  /// Open partitions with strands that do not flow.
  [[nodiscard]] std::vector<std::int32_t> ParkedPartitions() const;
  /// Stops dispatching the partitions and drops what is queued; what runs goes on.
  void Close(const std::vector<std::int32_t>& partitions);
  /// Waits until nothing of the closed partitions runs. False at the deadline.
  bool WaitIdle(const std::vector<std::int32_t>& partitions, SteadyTime deadline);
  /// Forgets closed partitions.
  void Forget(const std::vector<std::int32_t>& partitions);
  /// Watermarks of these partitions (open or closed, not fenced).
  [[nodiscard]] std::vector<store::Progress> Watermarks(const std::vector<std::int32_t>& partitions) const;
  [[nodiscard]] std::vector<std::int32_t> OpenPartitions() const;
  /// Partitions that a batch found to be taken over since the last call.
  [[nodiscard]] std::vector<std::int32_t> TakeFenced();

  // For the executors.
  using Task = std::variant<Batch, Job>;
  /// Waits for work; empty once stopped.
  std::optional<Task> Take();
  /// Hands a batch back with its settlements.
  void Settle(Batch batch);
  /// The first events of a strand that does not flow, in order (not empty). Dropped if the strand flows again, or some
  /// of them are here already: they are offered anew as long as they are due.
  void OfferParked(std::int32_t partition, std::vector<std::unique_ptr<ParkedRecord>> records);
  void Fence(std::int32_t partition, std::int64_t epoch);
  /// The letter of this offset is published.
  void CompleteLetter(std::int32_t partition, std::int64_t offset);

  /// Jobs go before batches, in order.
  void Post(Job job);
  /// Back to the front: the database was away.
  void PostAgain(Job job);
  /// Take returns empty from now on.
  void Stop();
  [[nodiscard]] bool stopped() const;

  struct Load {
    std::size_t buffered = 0;
    std::size_t in_flight = 0;
    std::size_t blocked_keys = 0;              ///< waiting for a retry, in memory or parked
    std::size_t batches = 0;                   ///< taken and not settled
    std::optional<SteadyTime> oldest_taken{};  ///< when the longest-running batch was taken
    std::size_t paused_partitions = 0;         ///< without room: not read for now
    std::size_t idle_executors = 0;
  };
  [[nodiscard]] Load CurrentLoad() const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  std::optional<Task> Next(Lock& lock);
  bool RoomIn(const Partition& partition) const;
  void MakeReady(Lane& lane);
  void Wait(Lane& lane, SteadyTime due);
  void PromoteDue(SteadyTime now);
  Batch TakeBatch();
  bool Defer(Lane& lane);
  [[nodiscard]] std::optional<SteadyTime> GatherUntil(SteadyTime now) const;
  static void FillSlice(Slice& slice, std::size_t items_max);
  static void PutInFront(Lane& lane, std::vector<Item> items);
  Lane& LaneOf(Partition& partition, std::string_view key);
  static Slice SliceOf(Lane& lane);
  void SettleSlice(Slice& slice, SteadyTime now);
  static void SettleStrand(const Slice& slice);
  void PutBack(Partition& partition, Lane& lane, std::vector<Item> items, SteadyTime now);
  void ClosePartition(Partition& partition);
  void DropQueued(Lane& lane);
  void Unbuffer(Partition& partition, const Item& item);
  void Buffer(Partition& partition, Item& item);

  const DispatchLimits limits_;
  const std::function<void()> on_room_;
  mutable std::mutex mutex_;
  WakeStack work_;                // executors wait
  std::condition_variable idle_;  // WaitIdle waits
  std::map<std::int32_t, std::shared_ptr<Partition>> partitions_;
  std::map<std::uint64_t, Lane*> ready_;  // by the arrival of what is in front
  std::uint64_t arrivals_ = 0;
  std::multimap<SteadyTime, Lane*> waiting_;
  std::deque<Job> jobs_;
  std::vector<std::int32_t> fenced_;
  std::multiset<SteadyTime> taken_;
  std::size_t buffered_ = 0;
  std::size_t buffered_bytes_ = 0;
  std::size_t in_flight_ = 0;
  bool room_wanted_ = false;
  bool stopped_ = false;
};

}  // namespace keystrand::worker::engine
