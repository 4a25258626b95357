#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.h"

namespace keystrand::metrics {

/// The part of librdkafka's statistics document that is shown. Names and units as there (STATISTICS.md).
struct KafkaStatistics {
  struct Broker {
    std::int64_t node_id = -1;
    bool up = false;       ///< state UP or UPDATE
    bool reached = false;  ///< was up, or has sent anything: before that a broker has no series
    double rtt_avg_us = 0;
    double rtt_p99_us = 0;
    double throttle_avg_ms = 0;
    std::int64_t tx_errors = 0;
    std::int64_t rx_errors = 0;
    std::int64_t retries = 0;
    std::int64_t request_timeouts = 0;
    std::int64_t disconnects = 0;
    std::int64_t tx_bytes = 0;
    std::int64_t rx_bytes = 0;
  };
  struct Partition {
    std::string topic;
    std::int32_t partition = 0;
    std::int64_t lag = -1;         ///< -1: not known
    std::int64_t stored_lag = -1;  ///< -1: not known
    std::int64_t fetch_queue_messages = 0;
    bool desired = false;  ///< assigned to this client
  };
  std::int64_t queue_messages = 0;
  std::int64_t queue_messages_max = 0;
  std::int64_t callback_queue_length = 0;
  std::int64_t assigned_partitions = 0;
  bool steady = false;
  std::vector<Broker> brokers;  ///< one per node: the coordinator's own connection is added to its broker
  std::vector<Partition> partitions;
};

/// Reads the statistics document of librdkafka 2. Errors: kMalformed (byte offset), never an exception.
Result<KafkaStatistics> ParseKafkaStatistics(std::string_view json);

}  // namespace keystrand::metrics
