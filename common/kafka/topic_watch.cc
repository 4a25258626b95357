#include "common/kafka/topic_watch.h"

#include <utility>

namespace keystrand::kafka {
namespace {

constexpr std::chrono::milliseconds kAskTimeout{5000};

tl::unexpected<Error> Unfit(const std::string& topic, const std::string& why) {
  return Fail(ErrorCode::kMisdeployed, "topic " + topic + " " + why);
}

Result<> JudgeReplication(const std::string& topic, const TopicDescription& seen) {
  if (seen.replication_factor < 3) {
    return Unfit(topic, "has replication factor " + std::to_string(seen.replication_factor) +
                            ", fewer than 3 copies: recreate it, or set KEYSTRAND_DURABILITY=single-broker");
  }
  if (seen.min_insync_replicas < 2) {
    return Unfit(topic, "has min.insync.replicas " + std::to_string(seen.min_insync_replicas) + ": set it to 2");
  }
  if (seen.unclean_leader_election) {
    return Unfit(topic, "allows unclean leader elections, which drop acknowledged records: turn them off");
  }
  return {};
}

}  // namespace

Result<> JudgeTopic(const TopicRequirement& required, Durability durability, std::int32_t partitions_before,
                    const TopicDescription& seen) {
  if (partitions_before != 0 && seen.partitions != partitions_before) {
    return Unfit(required.topic, "has " + std::to_string(seen.partitions) + " partitions, it had " +
                                     std::to_string(partitions_before) +
                                     ": keys would move; drain it and move to a new topic");
  }
  if (seen.record_bytes_max < required.record_bytes_min) {
    return Unfit(required.topic, "takes records of " + std::to_string(seen.record_bytes_max) +
                                     " bytes, too small: set max.message.bytes to at least " +
                                     std::to_string(required.record_bytes_min));
  }
  if (durability == Durability::kReplicated) return JudgeReplication(required.topic, seen);
  return {};
}

Result<> JudgeSamePartitions(const std::string& first, std::int32_t first_partitions, const std::string& second,
                             std::int32_t second_partitions) {
  if (first_partitions == second_partitions) return {};
  return Unfit(first, "has " + std::to_string(first_partitions) + " partitions and " + second + " has " +
                          std::to_string(second_partitions) +
                          ", which have to be as many: where some were added, keys would move; drain that one and "
                          "recreate it");
}

Result<std::unique_ptr<TopicWatch>> TopicWatch::Start(Settings settings, OnChange on_change) {
  auto admin = Admin::Create(settings.client);
  if (!admin) return Fail(admin.error());
  std::unique_ptr<TopicWatch> watch(new TopicWatch(std::move(settings), std::move(on_change), std::move(*admin)));
  watch->thread_ = std::thread([raw = watch.get()] { raw->Run(); });
  return watch;
}

TopicWatch::TopicWatch(Settings settings, OnChange on_change, std::unique_ptr<Admin> admin)
    : settings_(std::move(settings)),
      on_change_(std::move(on_change)),
      admin_(std::move(admin)),
      verdict_(Fail(ErrorCode::kUnavailable, "no broker reached yet at " + settings_.client.brokers)),
      partitions_(settings_.topics.size(), 0) {}

TopicWatch::~TopicWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

Result<std::int32_t> TopicWatch::PartitionCount() const {
  const std::lock_guard lock(mutex_);
  if (!verdict_) return Fail(verdict_.error());
  return partitions_.front();
}

void TopicWatch::WaitForFirst(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, timeout, [this] { return judged_ || stopping_; });
}

void TopicWatch::Run() {
  while (true) {
    Check();
    std::unique_lock lock(mutex_);
    const auto pause = verdict_ ? settings_.interval : settings_.first_interval;
    if (wake_.wait_for(lock, pause, [this] { return stopping_; })) return;
  }
}

void TopicWatch::Check() {
  auto counts = partitions_;  // written by this thread only
  const auto verdict = CheckAll(counts);
  std::string changed;
  bool notify = false;
  {
    const std::lock_guard lock(mutex_);
    // A broker that cannot be asked says nothing about its topics: an earlier good verdict stands, produce and consume
    // meet the outage themselves.
    if (!verdict && verdict.error().code == ErrorCode::kUnavailable && verdict_) return;
    const std::string before = verdict_ ? "" : verdict_.error().detail;
    changed = verdict ? "" : verdict.error().detail;
    notify = !judged_ || before != changed;
    verdict_ = verdict;
    judged_ = true;
    if (verdict) partitions_ = counts;
  }
  wake_.notify_all();
  if (notify) on_change_(changed);
}

Result<> TopicWatch::CheckAll(std::vector<std::int32_t>& counts) const {
  const bool first_time = counts.front() == 0;
  for (std::size_t i = 0; i < settings_.topics.size(); ++i) {
    const auto& required = settings_.topics[i];
    if (required.witness && !first_time) continue;
    const auto seen = admin_->Describe(required.topic, kAskTimeout);
    if (!seen) {
      const auto code = seen.error().code;
      if (required.witness && code != ErrorCode::kUnavailable) continue;  // missing, or not for us to look at
      if (code == ErrorCode::kMisdeployed) return Fail(seen.error());
      return Fail(ErrorCode::kUnavailable, "the topic could not be checked yet: " + seen.error().detail);
    }
    if (!required.witness) {
      if (auto judged = JudgeTopic(required, settings_.durability, counts[i], *seen); !judged) return judged;
    }
    counts[i] = seen->partitions;
    if (required.like_first) {
      const auto& first = settings_.topics.front().topic;
      if (auto judged = JudgeSamePartitions(first, counts.front(), required.topic, counts[i]); !judged) return judged;
    }
  }
  return {};
}

}  // namespace keystrand::kafka
