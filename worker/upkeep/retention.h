#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "common/core/result.h"
#include "common/kafka/admin.h"

namespace keystrand::worker::upkeep {

/// A topic whose records could bring an event back.
struct KeptTopic {
  std::string topic;
  kafka::TopicDescription seen;
};

/// Whether rows may go after `inbox_days`: later than the last record of their event goes from each topic, and a day
/// more. Errors: kRejected, naming the topics and the remedy. Pure.
Result<> JudgeRetention(int inbox_days, const std::vector<KeptTopic>& topics);

/// Asks the brokers for both topics and judges them. Errors: those of kafka::Admin, and kRejected.
Result<> CheckRetention(const kafka::ClientSettings& client, const std::vector<std::string>& topics, int inbox_days,
                        std::chrono::milliseconds timeout);

}  // namespace keystrand::worker::upkeep
