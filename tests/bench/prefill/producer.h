#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/core/result.h"

namespace keystrand::bench {

/// A librdkafka producer (acks=all, idempotent) used directly and not through common/kafka: the floor to compare with.
/// Not thread-safe.
class Producer {
 public:
  struct Settings {
    std::string brokers;
    std::string topic;
    std::size_t outstanding_max = 100'000;  ///< records without a delivery report: the load's concurrency
    double linger_ms = 5;                   ///< librdkafka takes fractions
  };
  using Headers = std::vector<std::pair<std::string_view, std::string>>;

  static Result<Producer> Open(const Settings& settings);
  ~Producer();
  Producer(Producer&&) noexcept;
  Producer& operator=(Producer&&) noexcept;

  /// Makes the topic if it is not there, as large as `keystrand topics create` makes records. Waits up to 30 s.
  Result<> CreateTopic(int partitions, int replication_factor);

  /// How many records the topic holds, over all partitions. Errors: kUnavailable.
  Result<std::int64_t> CountRecords();

  /// Queues one record, to the partition where Java's clients would put its key (murmur2). Blocks while
  /// outstanding_max records are under way. Errors: kUnavailable when an earlier record was not delivered.
  Result<> Produce(std::string_view key, std::string_view value, const Headers& headers);

  /// Waits up to 60 s for all delivery reports. Errors: kUnavailable unless every record was delivered.
  Result<> Flush();

 private:
  struct State;
  explicit Producer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace keystrand::bench
