#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/kafka/admin.h"
#include "worker/operator/console.h"
#include "worker/operator/settings.h"

namespace keystrand::worker::op {

/// One of Keystrand's topics and how it should be.
struct TopicPlan {
  kafka::NewTopic wanted;
  std::int64_t retention_ms = 0;
  std::int32_t min_insync_replicas = 0;
  std::int64_t record_bytes_max = 0;
};

/// What is known before topics are planned.
struct Cluster {
  std::int32_t brokers = 0;
  std::int32_t events_partitions = 0;  ///< 0: the events topic does not exist yet
};

/// Events, dead letters, facts, in this order. Errors: kRejected, more copies asked for than there are brokers. Pure.
Result<std::vector<TopicPlan>> PlanTopics(const Settings& settings, const Cluster& cluster);

/// How a topic differs from its plan, a line each with the remedy; empty: it does not. Pure.
std::vector<std::string> Differences(const TopicPlan& plan, const Settings& settings,
                                     const kafka::TopicDescription& seen);

/// What became of one topic.
struct TopicDone {
  std::string topic;
  bool created = false;
  kafka::TopicDescription seen;
  std::vector<std::string> warnings;
};

/// `audit`: empty if a row was written or none was needed; else why not.
std::string TopicsText(const std::vector<TopicDone>& topics);
std::string TopicsJson(const std::vector<TopicDone>& topics, const std::string& audit);

/// "12 partitions, 3 copies (2 must be in sync), kept 35 d, records up to 2,097,152 bytes". Pure.
std::string Describe(const kafka::TopicDescription& seen);

/// `keystrand topics create`
Reply CreateTopics(const Settings& settings);

}  // namespace keystrand::worker::op
