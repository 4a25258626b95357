#include "worker/engine/dispatcher.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace keystrand::worker::engine {
namespace {

constexpr int kDoublingsMax = 6;  ///< of the suspect window

}  // namespace

void Dispatcher::Open(Taken taken) {
  const Lock lock(mutex_);
  auto opened = std::make_shared<Partition>();
  opened->number = taken.partition;
  opened->epoch = taken.epoch;
  opened->parked = {std::move_iterator(taken.parked.begin()), std::move_iterator(taken.parked.end())};
  opened->parked_events = taken.parked_events;
  if (taken.unclean_ends > 0)
    opened->suspects = limits_.suspect_window << std::min(taken.unclean_ends - 1, kDoublingsMax);
  partitions_[taken.partition] = std::move(opened);
}

bool Dispatcher::RoomIn(const Partition& partition) const {
  return buffered_ < limits_.records_max && buffered_bytes_ < limits_.bytes_max &&
         partition.buffered < limits_.partition_records_max &&
         partition.offsets.pending() < limits_.partition_open_offsets_max &&
         partition.parked_events < limits_.partition_parked_max;
}

bool Dispatcher::HasRoom(std::int32_t partition) {
  const Lock lock(mutex_);
  const auto found = partitions_.find(partition);
  if (found == partitions_.end() || !found->second->open) return false;
  const bool room = RoomIn(*found->second);
  room_wanted_ = room_wanted_ || !room;
  return room;
}

void Dispatcher::Offer(std::int32_t partition, std::unique_ptr<SourceRecord> record) {
  const Lock lock(mutex_);
  const auto found = partitions_.find(partition);
  if (found == partitions_.end() || !found->second->open) return;
  const auto& owner = found->second;
  owner->offsets.Begin(record->offset());
  Lane& lane = LaneOf(*owner, record->key());
  Item item;
  item.record = std::move(record);
  Buffer(*owner, item);
  lane.queue.push_back(std::move(item));
  if (lane.state == Lane::State::kIdle) MakeReady(lane);
}

Lane& Dispatcher::LaneOf(Partition& partition, std::string_view key) {
  if (const auto found = partition.lanes.find(key); found != partition.lanes.end()) return found->second;
  const auto added = partition.lanes.try_emplace(std::string(key)).first;
  Lane& lane = added->second;
  lane.partition = &partition;
  lane.key = added->first;
  lane.parked = !partition.parked.empty() && partition.parked.contains(added->first);
  return lane;
}

void Dispatcher::OfferParked(std::int32_t partition, std::vector<std::unique_ptr<ParkedRecord>> records) {
  const Lock lock(mutex_);
  const auto found = partitions_.find(partition);
  if (found == partitions_.end() || !found->second->open) return;
  const std::string key(records.front()->key());
  if (!found->second->parked.contains(key)) return;
  Lane& lane = LaneOf(*found->second, key);
  const bool here = !lane.queue.empty() && lane.queue.front().parked();
  if (lane.state == Lane::State::kRunning || here) return;
  std::vector<Item> items;
  for (auto& record : records) {
    Item& item = items.emplace_back();
    item.attempts = record->attempts();
    item.record = std::move(record);
    Buffer(*found->second, item);
  }
  PutInFront(lane, std::move(items));
  if (lane.state == Lane::State::kIdle) MakeReady(lane);
}

void Dispatcher::Buffer(Partition& partition, Item& item) {
  item.arrival = ++arrivals_;
  ++partition.buffered;
  ++buffered_;
  buffered_bytes_ += item.bytes();
}

void Dispatcher::Unbuffer(Partition& partition, const Item& item) {
  --partition.buffered;
  --buffered_;
  buffered_bytes_ -= item.bytes();
}

/// Whoever waits longest is next: in turns, a key with a tenth of the load would get one slice a round, and its
/// partition would soon be full of it.
void Dispatcher::MakeReady(Lane& lane) {
  lane.state = Lane::State::kReady;
  lane.ready_at = std::chrono::steady_clock::now();
  ready_.emplace(lane.queue.front().arrival, &lane);
  work_.WakeOne();
}

void Dispatcher::Wait(Lane& lane, SteadyTime due) {
  lane.state = Lane::State::kWaiting;
  lane.due = due;
  waiting_.emplace(due, &lane);
  work_.WakeOne();  // somebody has to wait for this time now
}

void Dispatcher::PromoteDue(SteadyTime now) {
  while (!waiting_.empty() && waiting_.begin()->first <= now) {
    Lane& lane = *waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
    MakeReady(lane);
  }
}

std::optional<Dispatcher::Task> Dispatcher::Take() {
  Lock lock(mutex_);
  auto task = Next(lock);
  // Whoever waits now has to look at what is left: some of it comes due later, and this thread will not be there.
  if (!ready_.empty() || !waiting_.empty()) work_.WakeOne();
  return task;
}

std::optional<Dispatcher::Task> Dispatcher::Next(Lock& lock) {
  while (!stopped_) {
    const auto now = std::chrono::steady_clock::now();
    PromoteDue(now);
    if (!jobs_.empty()) {
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      return job;
    }
    auto wake = GatherUntil(now);
    if (!wake) {
      if (auto batch = TakeBatch(); !batch.slices.empty()) return batch;
    }
    if (!waiting_.empty()) wake = std::min(wake.value_or(SteadyTime::max()), waiting_.begin()->first);
    work_.Wait(lock, wake);
  }
  return std::nullopt;
}

/// While several batches have just begun, the next ones to come are gathered: an executor that ends meanwhile takes
/// them together, and they cost one transaction instead of many. Until when; empty: a batch can be taken now. Batches
/// that take their time hold nobody up.
std::optional<SteadyTime> Dispatcher::GatherUntil(SteadyTime now) const {
  if (ready_.empty() || ready_.size() >= limits_.batch_small) return std::nullopt;
  const auto oldest_young = taken_.upper_bound(now - limits_.batch_youth);
  const auto young = static_cast<std::size_t>(std::distance(oldest_young, taken_.end()));
  if (young < limits_.batches_young_max) return std::nullopt;
  return *oldest_young + limits_.batch_youth;
}

Batch Dispatcher::TakeBatch() {
  Batch batch;
  batch.taken_at = std::chrono::steady_clock::now();
  std::size_t left = limits_.batch_max;
  while (left > 0 && !ready_.empty() && !batch.suspect) {
    Lane& lane = *ready_.begin()->second;
    const bool suspect = lane.partition->suspects > 0;
    if (suspect && !batch.slices.empty()) break;  // it travels alone
    ready_.erase(ready_.begin());
    if (suspect && Defer(lane)) continue;
    batch.waited = std::max<std::chrono::nanoseconds>(batch.waited, batch.taken_at - lane.ready_at);
    Slice slice = SliceOf(lane);
    FillSlice(slice, suspect ? 1 : left);
    left -= slice.items.size();
    in_flight_ += slice.items.size();
    batch.suspect = suspect;
    batch.slices.push_back(std::move(slice));
  }
  if (!batch.slices.empty()) taken_.insert(batch.taken_at);
  return batch;
}

/// One event of a suspect partition at a time. True if another one is being tried.
bool Dispatcher::Defer(Lane& lane) {
  if (lane.partition->running == 0) return false;
  lane.partition->deferred.push_back(&lane);
  return true;
}

void Dispatcher::FillSlice(Slice& slice, std::size_t items_max) {
  auto& queue = slice.lane->queue;
  const bool parked = queue.front().parked();  // what was parked goes first, by itself
  const auto last = queue.begin() + static_cast<std::ptrdiff_t>(std::min(items_max, queue.size()));
  const auto end = std::find_if(queue.begin(), last, [&](const Item& item) { return item.parked() != parked; });
  if (end == queue.end()) {
    slice.items = std::exchange(queue, {});
  } else {
    slice.items.assign(std::move_iterator(queue.begin()), std::move_iterator(end));
    queue.erase(queue.begin(), end);
  }
}

void Dispatcher::PutInFront(Lane& lane, std::vector<Item> items) {
  std::move(lane.queue.begin(), lane.queue.end(), std::back_inserter(items));
  lane.queue = std::move(items);
}

Slice Dispatcher::SliceOf(Lane& lane) {
  lane.state = Lane::State::kRunning;
  Slice slice;
  slice.partition = lane.partition->shared_from_this();
  slice.lane = &lane;
  slice.parked = lane.parked;
  ++slice.partition->running;
  return slice;
}

void Dispatcher::Settle(Batch batch) {
  bool room = false;
  {
    const Lock lock(mutex_);
    taken_.erase(taken_.find(batch.taken_at));
    const auto now = std::chrono::steady_clock::now();
    for (auto& slice : batch.slices) SettleSlice(slice, now);
    room = std::exchange(room_wanted_, false);
  }
  idle_.notify_all();
  if (room) on_room_();
}

void Dispatcher::SettleSlice(Slice& slice, SteadyTime now) {
  Partition& partition = *slice.partition;
  Lane& lane = *slice.lane;
  --partition.running;
  in_flight_ -= slice.items.size();
  const auto settled = [](const Item& item) {
    return item.settlement == Settlement::kDone || item.settlement == Settlement::kAwaitingLetter;
  };
  const auto first_open = std::find_if_not(slice.items.begin(), slice.items.end(), settled);
  for (auto item = slice.items.begin(); item != first_open; ++item) {
    Unbuffer(partition, *item);
    if (item->settlement == Settlement::kDone && item->record->origin() == Origin::kLive) {
      partition.offsets.Complete(item->record->offset());
    }
  }
  SettleStrand(slice);
  partition.suspects -=
      std::min<std::size_t>(partition.suspects, static_cast<std::size_t>(first_open - slice.items.begin()));
  for (Lane* const deferred : std::exchange(partition.deferred, {})) MakeReady(*deferred);
  PutBack(partition, lane, {std::move_iterator(first_open), std::move_iterator(slice.items.end())}, now);
}

void Dispatcher::SettleStrand(const Slice& slice) {
  Lane& lane = *slice.lane;
  slice.partition->parked_events += slice.parked_more;
  if (std::exchange(lane.parked, slice.parked) == slice.parked) return;
  if (slice.parked) {
    slice.partition->parked.emplace(lane.key);
  } else {
    slice.partition->parked.erase(std::string(lane.key));
  }
}

void Dispatcher::PutBack(Partition& partition, Lane& lane, std::vector<Item> items, SteadyTime now) {
  const auto delay = items.empty() ? std::chrono::milliseconds(0) : items.front().delay;
  std::erase_if(items, [&](const Item& item) {  // the database has them, and they are offered again when due
    if (item.parked()) Unbuffer(partition, item);
    return item.parked();
  });
  for (auto& item : items) {
    item.settlement = Settlement::kBack;
    item.delay = std::chrono::milliseconds(0);
  }
  if (!items.empty()) PutInFront(lane, std::move(items));
  lane.state = Lane::State::kIdle;
  if (!partition.open) DropQueued(lane);
  if (lane.queue.empty()) {
    partition.lanes.erase(partition.lanes.find(lane.key));
  } else if (delay.count() > 0) {
    Wait(lane, now + delay);
  } else {
    MakeReady(lane);
  }
}

void Dispatcher::DropQueued(Lane& lane) {
  for (const auto& item : lane.queue) Unbuffer(*lane.partition, item);
  lane.queue.clear();
}

void Dispatcher::ClosePartition(Partition& partition) {
  partition.open = false;
  const auto of_it = [&](const Lane* lane) { return lane->partition == &partition; };
  std::erase_if(ready_, [&](const auto& entry) { return of_it(entry.second); });
  partition.deferred.clear();
  std::erase_if(waiting_, [&](const auto& entry) { return of_it(entry.second); });
  for (auto lane = partition.lanes.begin(); lane != partition.lanes.end();) {
    DropQueued(lane->second);
    lane = lane->second.state == Lane::State::kRunning ? std::next(lane) : partition.lanes.erase(lane);
  }
}

void Dispatcher::Close(const std::vector<std::int32_t>& partitions) {
  const Lock lock(mutex_);
  for (const auto number : partitions) {
    const auto found = partitions_.find(number);
    if (found != partitions_.end()) ClosePartition(*found->second);
  }
}

bool Dispatcher::WaitIdle(const std::vector<std::int32_t>& partitions, SteadyTime deadline) {
  Lock lock(mutex_);
  return idle_.wait_until(lock, deadline, [&] {
    return std::all_of(partitions.begin(), partitions.end(), [&](std::int32_t number) {
      const auto found = partitions_.find(number);
      return found == partitions_.end() || found->second->running == 0;
    });
  });
}

void Dispatcher::Forget(const std::vector<std::int32_t>& partitions) {
  const Lock lock(mutex_);
  for (const auto number : partitions) partitions_.erase(number);
}

std::vector<store::Progress> Dispatcher::Watermarks(const std::vector<std::int32_t>& partitions) const {
  const Lock lock(mutex_);
  std::vector<store::Progress> watermarks;
  for (const auto number : partitions) {
    const auto found = partitions_.find(number);
    if (found == partitions_.end() || found->second->fenced) continue;
    watermarks.push_back({number, found->second->epoch, found->second->offsets.next()});
  }
  return watermarks;
}

std::vector<std::int32_t> Dispatcher::ParkedPartitions() const {
  const Lock lock(mutex_);
  std::vector<std::int32_t> parked;
  for (const auto& [number, partition] : partitions_) {
    if (partition->open && !partition->parked.empty()) parked.push_back(number);
  }
  return parked;
}

std::vector<std::int32_t> Dispatcher::OpenPartitions() const {
  const Lock lock(mutex_);
  std::vector<std::int32_t> open;
  for (const auto& [number, partition] : partitions_) {
    if (partition->open) open.push_back(number);
  }
  return open;
}

void Dispatcher::Fence(std::int32_t partition, std::int64_t epoch) {
  const Lock lock(mutex_);
  const auto found = partitions_.find(partition);
  if (found == partitions_.end() || found->second->epoch != epoch || found->second->fenced) return;
  found->second->fenced = true;
  ClosePartition(*found->second);
  fenced_.push_back(partition);
}

std::vector<std::int32_t> Dispatcher::TakeFenced() {
  const Lock lock(mutex_);
  return std::exchange(fenced_, {});
}

void Dispatcher::CompleteLetter(std::int32_t partition, std::int64_t offset) {
  const Lock lock(mutex_);
  const auto found = partitions_.find(partition);
  if (found != partitions_.end()) found->second->offsets.Complete(offset);
}

void Dispatcher::Post(Job job) {
  const Lock lock(mutex_);
  jobs_.push_back(std::move(job));
  work_.WakeOne();
}

void Dispatcher::PostAgain(Job job) {
  const Lock lock(mutex_);
  jobs_.push_front(std::move(job));
  work_.WakeOne();
}

void Dispatcher::Stop() {
  const Lock lock(mutex_);
  stopped_ = true;
  work_.WakeAll();
}

bool Dispatcher::stopped() const {
  const Lock lock(mutex_);
  return stopped_;
}

Dispatcher::Load Dispatcher::CurrentLoad() const {
  const Lock lock(mutex_);
  Load load{buffered_, in_flight_, waiting_.size(), taken_.size(), std::nullopt, 0, work_.size()};
  for (const auto& [number, partition] : partitions_) {
    load.blocked_keys += partition->parked.size();
    if (partition->open && !RoomIn(*partition)) ++load.paused_partitions;
  }
  if (!taken_.empty()) load.oldest_taken = *taken_.begin();
  return load;
}

}  // namespace keystrand::worker::engine
