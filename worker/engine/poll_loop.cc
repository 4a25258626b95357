#include "worker/engine/poll_loop.h"

#include <algorithm>
#include <future>
#include <utility>

namespace keystrand::worker::engine {
namespace {

constexpr std::chrono::milliseconds kPollWait{100};
constexpr std::chrono::milliseconds kLeaseRetry{200};
constexpr std::chrono::milliseconds kLeaseRetryMisdeployed{2000};  ///< a missing right is not there the next moment
constexpr std::chrono::milliseconds kCommittedTimeout{5000};
constexpr int kRecordsPerPull = 256;  ///< of one partition before the others have their turn

std::vector<kafka::Position> PositionsOf(const std::vector<store::Progress>& progress) {
  std::vector<kafka::Position> positions;
  for (const auto& p : progress) {
    if (p.next_offset) positions.push_back({p.partition, *p.next_offset});
  }
  return positions;
}

std::vector<std::int32_t> PartitionsOf(const std::vector<store::Progress>& progress) {
  std::vector<std::int32_t> partitions;
  for (const auto& p : progress) partitions.push_back(p.partition);
  return partitions;
}

/// Strands that do not flow: loaded before the first dispatch, or an event could overtake those that wait.
Result<std::vector<Dispatcher::Taken>> WhatIsParked(store::Transaction& transaction, const std::string& topic,
                                                    const std::vector<store::Lease>& leases) {
  std::vector<std::int32_t> partitions;
  std::map<std::int32_t, Dispatcher::Taken> taken;
  for (const auto& lease : leases) {
    partitions.push_back(lease.partition);
    taken[lease.partition] = {lease.partition, lease.epoch};
    taken[lease.partition].unclean_ends = lease.suspects;
  }
  const auto strands = store::FindStrands(transaction, topic, partitions);
  if (!strands) return Fail(strands.error());
  for (const auto& strand : *strands) taken[strand.partition].parked.push_back(strand.key);
  const auto counts = store::CountParked(transaction, topic, partitions);
  if (!counts) return Fail(counts.error());
  for (const auto& [partition, count] : *counts) taken[partition].parked_events = count;
  std::vector<Dispatcher::Taken> all;
  for (auto& [partition, each] : taken) all.push_back(std::move(each));
  return all;
}

}  // namespace

PollLoop::PollLoop(PollSettings settings, Dispatcher& dispatcher, LetterPublisher& letters, ParkedLoader& parked,
                   Breakers& breakers, const kafka::TopicWatch& topics, std::atomic<std::int32_t>& partition_count,
                   const DatabaseState& database, const Clock& clock, EngineObserver& observer,
                   kafka::ClientObserver* kafka_observer)
    : settings_(std::move(settings)),
      dispatcher_(dispatcher),
      letters_(letters),
      parked_(parked),
      breakers_(breakers),
      gaps_(settings_.consumer.topic),
      topics_(topics),
      partition_count_(partition_count),
      database_(database),
      clock_(clock),
      observer_(observer),
      kafka_observer_(kafka_observer) {
  last_poll_ = clock_.Steady().time_since_epoch().count();
}

Result<> PollLoop::Run() {
  auto consumer = kafka::Consumer::Create(settings_.consumer, *this, this);
  if (!consumer) return Fail(consumer.error());
  {
    const std::lock_guard lock(consumer_mutex_);
    consumer_ = std::move(*consumer);
    consumer_open_ = true;
  }
  bool healthy = true;
  while (!stop_ && healthy) {
    healthy = consumer_->Poll(std::exchange(pull_again_, false) ? std::chrono::milliseconds(0) : kPollWait);
    last_poll_ = clock_.Steady().time_since_epoch().count();
    Serve();
  }
  joined_ = false;
  {
    const std::lock_guard lock(consumer_mutex_);
    consumer_open_ = false;
  }
  const auto fatal = consumer_->FatalError();
  consumer_->Close();  // leaves the group; OnRevoked gives everything back
  consumer_.reset();
  if (healthy) return {};
  if (fatal && fatal->code == ErrorCode::kConflict) {
    return Fail(ErrorCode::kConflict,
                "another worker has the same group-instance-id: give each its own (" + fatal->detail + ")");
  }
  return Fail(ErrorCode::kUnavailable, "the Kafka client met a fatal error" + (fatal ? ": " + fatal->detail : ""));
}

void PollLoop::Stop() {
  stop_ = true;
  Wake();
}

void PollLoop::Wake() {
  const std::lock_guard lock(consumer_mutex_);
  if (consumer_open_) consumer_->Wake();
}

void PollLoop::Serve() {
  WatchTopics();
  HandleFenced();
  HandleAcceptedGap();
  TakeLeases();
  AskForLeases();
  Pull();
  StoreProgress();
  CommitStored();
  PublishLetters();
  LoadParked();
}

bool PollLoop::Due(SteadyTime& last, std::chrono::milliseconds interval) const {
  const auto now = clock_.Steady();
  if (now - last < interval) return false;
  last = now;
  return true;
}

/// In the group only while the topics are what they must be, and, after leaving for want of the database, once it is
/// back.
void PollLoop::WatchTopics() {
  const auto partitions = topics_.PartitionCount();
  if (!partitions && subscribed_) Leave();
  if (!partitions || subscribed_ || !assigned_.empty()) return;
  if (left_at_ && database_.last_answer() <= *left_at_) return;
  left_at_.reset();
  partition_count_ = *partitions;
  Subscribe();
}

void PollLoop::Subscribe() { subscribed_ = consumer_->Subscribe().has_value(); }

/// OnRevoked follows at a later poll, unless nothing was dispatched yet.
void PollLoop::Leave() {
  ++assignment_;
  leasing_ = false;
  subscribed_ = false;
  if (assigned_count_ == 0) assigned_.clear();
  consumer_->Unsubscribe();
}

void PollLoop::Pull() {
  for (const auto partition : dispatcher_.OpenPartitions()) {
    if (PullFrom(partition)) pull_again_ = true;
  }
}

/// True if there may be more, and room for it.
bool PollLoop::PullFrom(std::int32_t partition) {
  for (int i = 0; i < kRecordsPerPull; ++i) {
    if (!dispatcher_.HasRoom(partition)) return false;
    auto record = consumer_->Next(partition);
    if (!record) return false;
    dispatcher_.Offer(partition, std::make_unique<LiveRecord>(std::move(*record)));
  }
  return true;
}

void PollLoop::OnAssigned(const std::vector<std::int32_t>& partitions) {
  ++assignment_;
  joined_ = true;
  assigned_ = partitions;
  std::sort(assigned_.begin(), assigned_.end());
  observer_.OnRebalance(EngineObserver::Rebalance::kAssigned, partitions.size());
  leasing_ = false;
  leasing_since_ = clock_.Steady();
  lease_retry_at_ = leasing_since_;
  assigned_count_ = 0;
  if (assigned_.empty()) (void)consumer_->Assign({});
}

/// Posts the job that takes the leases of the current assignment, unless it is under way.
void PollLoop::AskForLeases() {
  if (assigned_.empty() || assigned_count_ == assigned_.size() || leasing_) return;
  if (clock_.Steady() < lease_retry_at_) return;
  leasing_ = true;
  dispatcher_.Post([this, assignment = assignment_.load(), partitions = assigned_](store::Session& session) {
    return RunLeaseJob(session, assignment, partitions);
  });
}

Result<std::vector<std::optional<std::int64_t>>> PollLoop::CommittedOf(const std::vector<std::int32_t>& partitions) {
  const std::lock_guard lock(consumer_mutex_);
  if (!consumer_open_) return Fail(ErrorCode::kUnavailable, "stopping");
  return consumer_->Committed(partitions, kCommittedTimeout);
}

/// On an executor. A job that was overtaken by a rebalance must not raise: it would fence the new owner.
bool PollLoop::RunLeaseJob(store::Session& session, std::uint64_t assignment,
                           const std::vector<std::int32_t>& partitions) {
  Leased leased{assignment, std::vector<store::Lease>{}, {}, {}};
  const auto committed = CommittedOf(partitions);
  if (assignment != assignment_) return true;
  if (!committed) {
    leased.leases = Fail(committed.error());
  } else {
    leased.committed = *committed;
    const auto raised = session.InTransaction([&](store::Transaction& transaction) -> Result<> {
      leased.leases = RaiseEpochs(transaction, settings_.consumer.topic, partitions, settings_.worker);
      if (!leased.leases) return Fail(leased.leases.error());
      auto taken = WhatIsParked(transaction, settings_.consumer.topic, *leased.leases);
      if (!taken) return Fail(taken.error());
      leased.taken = std::move(*taken);
      return {};
    });
    if (!raised && raised.error().code == ErrorCode::kUnavailable) return false;
    if (!raised) leased.leases = Fail(raised.error());
  }
  {
    const std::lock_guard lock(mutex_);
    leased_.push_back(std::move(leased));
  }
  Wake();
  return true;
}

void PollLoop::TakeLeases() {
  std::vector<Leased> arrived;
  {
    const std::lock_guard lock(mutex_);
    arrived = std::exchange(leased_, {});
  }
  for (const auto& leased : arrived) {
    if (leased.assignment == assignment_) AssignLeased(leased);
  }
  const bool overdue = leasing_ && clock_.Steady() - leasing_since_ > settings_.lease_timeout;
  if (overdue) {  // the group must not wait for us: others may reach the database
    left_at_ = clock_.Steady();
    Leave();
  }
}

void PollLoop::AssignLeased(const Leased& leased) {
  leasing_ = false;
  if (!leased.leases) {
    const bool misdeployed = leased.leases.error().code == ErrorCode::kMisdeployed;
    if (misdeployed) observer_.OnMisdeployed(leased.leases.error());
    lease_retry_at_ = clock_.Steady() + (misdeployed ? kLeaseRetryMisdeployed : kLeaseRetry);
    return;
  }
  std::vector<kafka::StartPosition> starts;
  for (const auto& lease : *leased.leases) {
    const auto place = std::lower_bound(assigned_.begin(), assigned_.end(), lease.partition) - assigned_.begin();
    starts.push_back(StartOf(lease, leased.committed[static_cast<std::size_t>(place)]));
  }
  if (!consumer_->Assign(starts)) {
    lease_retry_at_ = clock_.Steady() + kLeaseRetry;
    return;
  }
  gaps_.Leased(*leased.leases);
  for (const auto& taken : leased.taken) dispatcher_.Open(taken);
  for (const auto& lease : *leased.leases) observer_.OnLeased(lease.partition, lease.epoch, lease.suspects > 0);
  assigned_count_ = assigned_.size();
  taken_anew_ = true;
  last_letters_ = {};  // letters that the previous owner left unpublished
}

/// The lower of the two stores: a database that went back rewinds the consumption, and the inbox absorbs the rest. Over
/// a gap only if an operator accepted it.
kafka::StartPosition PollLoop::StartOf(const store::Lease& lease, std::optional<std::int64_t> committed) {
  if (!lease.next_offset && !committed) return {lease.partition, kafka::StartPosition::kBeginning};
  if (!lease.next_offset) {
    observer_.OnRewound(lease.partition, kafka::StartPosition::kBeginning, *committed);
    return {lease.partition, kafka::StartPosition::kBeginning};
  }
  if (committed && *lease.next_offset < *committed) {
    observer_.OnRewound(lease.partition, *lease.next_offset, *committed);
  }
  const auto start = std::min(*lease.next_offset, committed.value_or(*lease.next_offset));
  if (!lease.gap || !lease.gap->Covers(start)) return {lease.partition, start};
  observer_.OnGapSkipped(lease.partition, start, lease.gap->to);
  return {lease.partition, lease.gap->to};
}

void PollLoop::OnRevoked(const std::vector<std::int32_t>& partitions, bool lost) {
  ++assignment_;
  observer_.OnRebalance(lost ? EngineObserver::Rebalance::kLost : EngineObserver::Rebalance::kRevoked,
                        partitions.size());
  const auto deadline = clock_.Steady() + settings_.revoke_timeout;
  dispatcher_.Close(partitions);
  const bool idle = dispatcher_.WaitIdle(partitions, deadline);
  const auto progress = dispatcher_.Watermarks(partitions);
  if (!lost && idle && !progress.empty() && Release(PartitionsOf(progress), deadline)) {
    (void)consumer_->CommitSync(PositionsOf(progress));  // if refused, the successor starts a little earlier
  }
  letters_.Drop(partitions);
  gaps_.Forget(partitions);
  dispatcher_.Forget(partitions);
  for (const auto partition : partitions) committed_.erase(partition);
  assigned_.clear();
  assigned_count_ = 0;
  leasing_ = false;
}

/// Stores the watermarks for the last time and gives the leases up, on an executor. False at the deadline, and if the
/// leases ended otherwise meanwhile.
bool PollLoop::Release(const std::vector<std::int32_t>& partitions, SteadyTime deadline) {
  const auto released = std::make_shared<std::promise<bool>>();
  auto done = released->get_future();
  dispatcher_.Post([released, &dispatcher = dispatcher_, topic = settings_.consumer.topic, partitions,
                    deadline](store::Session& session) {
    if (std::chrono::steady_clock::now() > deadline) return true;  // nobody waits for it any more
    const auto progress = dispatcher.Watermarks(partitions);
    if (progress.size() < partitions.size()) {
      released->set_value(false);
      return true;
    }
    const auto result = session.InTransaction(
        [&](store::Transaction& transaction) { return ReleaseLeases(transaction, topic, progress); });
    if (!result && result.error().code == ErrorCode::kUnavailable) return false;
    released->set_value(result.has_value());
    return true;
  });
  return done.wait_until(deadline) == std::future_status::ready && done.get();
}

/// A lease was raised by another worker: either the group gave it the partition, and says so at the next poll, or
/// somebody took part who should not have. Joining anew settles it: the coordinator decides who is a member.
void PollLoop::HandleFenced() {
  const auto fenced = dispatcher_.TakeFenced();
  const bool still_ours = std::any_of(fenced.begin(), fenced.end(), [&](std::int32_t partition) {
    return std::binary_search(assigned_.begin(), assigned_.end(), partition);
  });
  if (still_ours) Leave();
}

/// Joining anew takes the partition's lease again, and with it the new start.
void PollLoop::HandleAcceptedGap() {
  if (gaps_.TakeAccepted()) Leave();
}

void PollLoop::StoreProgress() {
  if (!Due(last_progress_, settings_.commit_interval)) return;
  auto progress = dispatcher_.Watermarks(dispatcher_.OpenPartitions());
  std::erase_if(progress, [&](const auto& p) {
    const auto sent = committed_.find(p.partition);
    return !p.next_offset || (sent != committed_.end() && sent->second == *p.next_offset);
  });
  if (progress.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(storing_, true)) return;
  }
  dispatcher_.Post([this, partitions = PartitionsOf(progress)](store::Session& session) {
    return RunProgressJob(session, partitions);
  });
}

/// On an executor. Partitions whose epoch was raised by another are fenced here too: they may be idle. The watermarks
/// are those of now: what was true before an outage need not be true of the database that comes back.
bool PollLoop::RunProgressJob(store::Session& session, const std::vector<std::int32_t>& partitions) {
  const auto progress = dispatcher_.Watermarks(partitions);
  std::vector<std::int32_t> held;
  const auto stored = session.InTransaction([&](store::Transaction& transaction) -> Result<> {
    auto stored_for = store::StoreProgress(transaction, settings_.consumer.topic, progress);
    if (!stored_for) return Fail(stored_for.error());
    held = std::move(*stored_for);
    return {};
  });
  if (!stored && stored.error().code == ErrorCode::kUnavailable) return false;
  const std::lock_guard lock(mutex_);
  storing_ = false;
  if (!stored) return true;  // the next round tries again
  for (const auto& p : progress) {
    if (std::find(held.begin(), held.end(), p.partition) != held.end()) {
      stored_.push_back(p);
    } else {
      observer_.OnFenced(p.partition);
      dispatcher_.Fence(p.partition, p.epoch);
    }
  }
  return true;
}

/// What the database has goes to Kafka, for the partitions that are still ours.
void PollLoop::CommitStored() {
  std::vector<store::Progress> stored;
  {
    const std::lock_guard lock(mutex_);
    stored = std::exchange(stored_, {});
  }
  const auto open = dispatcher_.OpenPartitions();
  std::erase_if(stored, [&](const auto& p) { return !std::binary_search(open.begin(), open.end(), p.partition); });
  if (stored.empty()) return;
  consumer_->CommitAsync(PositionsOf(stored));
  for (const auto& p : stored) committed_[p.partition] = *p.next_offset;
}

void PollLoop::PublishLetters() {
  if (!Due(last_letters_, settings_.letters_interval)) return;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(publishing_, true)) return;
  }
  dispatcher_.Post([this, partitions = dispatcher_.OpenPartitions()](store::Session& session) {
    if (!letters_.Publish(session, partitions)) return false;
    const std::lock_guard lock(mutex_);
    publishing_ = false;
    return true;
  });
}

void PollLoop::LoadParked() {
  if (!Due(last_parked_, settings_.parked_interval)) return;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(loading_parked_, true)) return;
  }
  dispatcher_.Post([this, partitions = dispatcher_.ParkedPartitions()](store::Session& session) {
    const bool anew = taken_anew_.exchange(false);
    if (!breakers_.Refresh(session, partitions, anew) || !parked_.Load(session, partitions) || !gaps_.Look(session)) {
      taken_anew_ = taken_anew_ || anew;
      return false;
    }
    const std::lock_guard lock(mutex_);
    loading_parked_ = false;
    return true;
  });
}

void PollLoop::OnCommitted(bool ok, std::string_view error) {
  if (!ok) committed_.clear();  // sent again with the next watermarks
  observer_.OnOffsetCommit(ok, error);
}

void PollLoop::OnPositionOutsideLog(std::int32_t partition) {
  gaps_.Stopped(partition);
  observer_.OnPositionOutsideLog(partition);
}

void PollLoop::OnStatistics(std::string_view json) {
  if (kafka_observer_ != nullptr) kafka_observer_->OnStatistics(json);
}

void PollLoop::OnClientError(std::string_view code, std::string_view reason, bool fatal) {
  if (kafka_observer_ != nullptr) kafka_observer_->OnClientError(code, reason, fatal);
}

}  // namespace keystrand::worker::engine
