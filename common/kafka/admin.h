#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/kafka/client_settings.h"

namespace keystrand::kafka {

struct NewTopic {
  std::string name;
  std::int32_t partitions = 12;
  std::int32_t replication_factor = 1;
  std::map<std::string, std::string> config;  ///< e.g. {"retention.ms", "…"}
};

enum class TopicCreated : std::uint8_t { kCreated, kExisted };

/// What the brokers say about one topic.
struct TopicDescription {
  std::int32_t partitions = 0;
  std::int32_t replication_factor = 0;  ///< the smallest over the partitions
  std::int32_t min_insync_replicas = 0;
  std::int64_t record_bytes_max = 0;  ///< max.message.bytes
  std::int64_t retention_ms = 0;      ///< -1: for ever
  bool unclean_leader_election = false;
  std::int64_t segment_ms = 0;  ///< a record goes with its segment: so much later than retention_ms, at most
};

/// A member of a consumer group and the partitions it was given.
struct GroupMember {
  std::string client_id;
  std::string host;  ///< its address, as the coordinator sees it
  std::vector<std::int32_t> partitions;
};

struct GroupDescription {
  std::string state;  ///< Kafka's name: Stable, PreparingRebalance, CompletingRebalance, Empty, Dead (never seen)
  std::vector<GroupMember> members;
};

/// The numbers of the first `count` partitions.
std::vector<std::int32_t> FirstPartitions(std::int32_t count);

/// Low (first kept) and high (next to be written) offset of a partition.
struct Watermarks {
  std::int64_t low = 0;
  std::int64_t high = 0;
};

/// Topic administration over the brokers' Admin API. Calls block at most `timeout`. Thread-safe.
/// Errors: kUnavailable (no broker in time), kMisdeployed (topic missing), kRejected (refused by the broker).
class Admin {
 public:
  static Result<std::unique_ptr<Admin>> Create(const ClientSettings& settings);
  ~Admin();
  Admin(const Admin&) = delete;
  Admin& operator=(const Admin&) = delete;

  Result<TopicCreated> CreateTopic(const NewTopic& topic, std::chrono::milliseconds timeout);
  Result<TopicDescription> Describe(const std::string& topic, std::chrono::milliseconds timeout);
  Result<std::int32_t> BrokerCount(std::chrono::milliseconds timeout);
  /// Of each of the partitions, in their order.
  Result<std::vector<Watermarks>> QueryWatermarks(const std::string& topic, const std::vector<std::int32_t>& partitions,
                                                  std::chrono::milliseconds timeout);
  /// Committed offsets of a group, by partition; -1 where the group has none.
  Result<std::vector<std::int64_t>> Committed(const std::string& group, const std::string& topic,
                                              std::int32_t partitions, std::chrono::milliseconds timeout);
  /// Who is in a group, and which partitions of `topic` each has. A group nobody ever joined has no members.
  Result<GroupDescription> DescribeGroup(const std::string& group, const std::string& topic,
                                         std::chrono::milliseconds timeout);

 private:
  class Impl;
  explicit Admin(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace keystrand::kafka
