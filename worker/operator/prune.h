#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "common/kafka/admin.h"
#include "worker/operator/console.h"
#include "worker/operator/settings.h"

namespace keystrand::worker::op {

/// A topic whose records could bring an event back.
struct KeptTopic {
  std::string topic;
  kafka::TopicDescription seen;
};

/// Whether rows may go after `inbox_days`: later than the last record of their event goes from each topic, and a day
/// more. Errors: kRejected, naming the topics and the remedy. Pure.
Result<> JudgeRetention(int inbox_days, const std::vector<KeptTopic>& topics);

/// `keystrand prune`
Reply Prune(const Settings& settings);

}  // namespace keystrand::worker::op
