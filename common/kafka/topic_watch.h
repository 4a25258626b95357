#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/kafka/admin.h"

namespace keystrand::kafka {

/// What a topic must be before a program trusts it.
enum class Durability : std::uint8_t {
  kReplicated,    ///< replication factor >= 3, min.insync.replicas >= 2
  kSingleBroker,  ///< one copy will do: the local stack only
};

/// What a record may have beside the body: key, headers and framing. A topic must take so much more than the largest
/// body.
inline constexpr std::int64_t kRecordOverheadBytes = std::int64_t{16} * 1024;

struct TopicRequirement {
  std::string topic;
  std::int64_t record_bytes_min = 0;  ///< max.message.bytes must be at least this
  bool like_first = false;            ///< must have the partition count of the first topic of the watch
  /// Nothing else is looked at, only once, and only where it can be: a topic that belongs to others, and tells whether
  /// the first one has grown while nobody watched.
  bool witness = false;
};

/// Judges one topic. `partitions_before`: what an earlier check saw, or 0. Errors: kMisdeployed, one clear line with
/// the remedy. Pure.
Result<> JudgeTopic(const TopicRequirement& required, Durability durability, std::int32_t partitions_before,
                    const TopicDescription& seen);

/// Judges whether two topics have the same partitions, as a topic of events and its dead letters must. Errors:
/// kMisdeployed, likewise. Pure.
Result<> JudgeSamePartitions(const std::string& first, std::int32_t first_partitions, const std::string& second,
                             std::int32_t second_partitions);

/// Checks topics when the broker is first reached and every minute after, on a thread of its own. Until the first
/// success it asks every second.
class TopicWatch {
 public:
  struct Settings {
    ClientSettings client;
    std::vector<TopicRequirement> topics;  ///< the first one's partition count is PartitionCount()
    Durability durability = Durability::kReplicated;
    std::chrono::milliseconds interval{60000};
    std::chrono::milliseconds first_interval{1000};
  };
  /// Called on the watch's thread whenever the verdict changes: an empty string means all is well.
  using OnChange = std::function<void(const std::string& problem)>;

  static Result<std::unique_ptr<TopicWatch>> Start(Settings settings, OnChange on_change);
  ~TopicWatch();
  TopicWatch(const TopicWatch&) = delete;
  TopicWatch& operator=(const TopicWatch&) = delete;

  /// Partitions of the first topic, read at the first successful check. Errors: what stands in the way, in one line:
  /// kUnavailable (no broker reached yet), kMisdeployed (missing, undersized, unsafe, grown). Thread-safe, cheap.
  [[nodiscard]] Result<std::int32_t> PartitionCount() const;
  /// Waits for the first verdict, whatever it is.
  void WaitForFirst(std::chrono::milliseconds timeout);

 private:
  TopicWatch(Settings settings, OnChange on_change, std::unique_ptr<Admin> admin);
  void Run();
  void Check();
  Result<> CheckAll(std::vector<std::int32_t>& counts) const;

  Settings settings_;
  OnChange on_change_;
  std::unique_ptr<Admin> admin_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool judged_ = false;
  Result<> verdict_;
  std::vector<std::int32_t> partitions_;  ///< at the first check that found nothing amiss, 0 = none yet
  std::thread thread_;
};

}  // namespace keystrand::kafka
