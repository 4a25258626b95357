#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "common/kafka/admin.h"
#include "common/kafka/producer.h"
#include "worker/operator/settings.h"

namespace keystrand::worker::op {

/// Sends records to the events topic and waits for their reports. One thread.
class Sender {
 public:
  /// Asks the broker first: while that does not answer, nothing should be begun. Errors: kUnavailable, kMisdeployed (no
  /// such topic), kRejected.
  static Result<Sender> Open(const Settings& settings);

  /// As the topic is now.
  [[nodiscard]] std::int32_t partitions() const { return topic_.partitions; }

  /// `on_delivered` is called once, in a later Send, in Finish or in the destructor. Waits while too much is under way.
  void Send(kafka::OutgoingRecord record, kafka::DeliveryCallback on_delivered);
  /// Waits until all reports have come. False: none came for as long as the broker may take to answer; what was sent
  /// may or may not be in the topic.
  bool Finish();

 private:
  Sender(std::unique_ptr<kafka::Producer> producer, kafka::TopicDescription topic, std::chrono::milliseconds timeout)
      : producer_(std::move(producer)), topic_(topic), timeout_(timeout) {}
  bool ServeUntil(std::size_t bytes_max);

  std::unique_ptr<kafka::Producer> producer_;
  kafka::TopicDescription topic_;
  std::chrono::milliseconds timeout_;
};

}  // namespace keystrand::worker::op
