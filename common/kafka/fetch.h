#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/kafka/internal.h"
#include "common/kafka/record_reader.h"

/// Reading partitions outside of any group. Included by this folder only.
namespace keystrand::kafka {

using MessageHandle = Owner<rd_kafka_message_t, rd_kafka_message_destroy>;

StoredRecord CopyOf(const rd_kafka_message_t& message);

/// Partitions being fetched into one queue; all are stopped at the end of the scope. One thread.
class Fetch {
 public:
  Fetch(rd_kafka_t* client, const std::string& topic);
  ~Fetch();
  Fetch(const Fetch&) = delete;
  Fetch& operator=(const Fetch&) = delete;

  /// The offset may be RD_KAFKA_OFFSET_BEGINNING. Errors: those of librdkafka.
  Result<> Start(Position position);
  /// Null: nothing came in time.
  [[nodiscard]] MessageHandle Next(std::chrono::milliseconds timeout);

 private:
  QueueHandle queue_;
  TopicHandle topic_;
  std::vector<std::int32_t> started_;
};

}  // namespace keystrand::kafka
