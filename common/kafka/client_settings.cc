#include "common/kafka/client_settings.h"

#include <array>

#include "common/kafka/internal.h"

namespace keystrand::kafka {
namespace {

struct Protected {
  std::string_view property;
  std::string_view reason;
};

/// Properties that a promise rests on. What is set here in code wins in any case; refusing them says so loudly.
constexpr std::array kProtected = {
    Protected{"bootstrap.servers", "use KEYSTRAND_KAFKA_BROKERS"},
    Protected{"metadata.broker.list", "use KEYSTRAND_KAFKA_BROKERS"},
    Protected{"acks", "a 200 is durable only with acks=all"},
    Protected{"request.required.acks", "a 200 is durable only with acks=all"},
    Protected{"enable.idempotence", "a retried produce must not be appended twice"},
    Protected{"group.id", "use KEYSTRAND_GROUP"},
    Protected{"enable.auto.commit", "an offset follows the database commit, never a timer"},
    Protected{"enable.auto.offset.store", "an offset follows the database commit, never the poll"},
    Protected{"auto.offset.reset", "a position outside the log must stop the partition, not jump"},
    Protected{"isolation.level", "only committed records are consumed"},
    Protected{"check.crcs", "a flipped byte must be refused"},
    Protected{"partition.assignment.strategy", "range only: cooperative-sticky loops before librdkafka 2.6.1"},
    Protected{"queued.min.messages", "smaller values stall a backlog on librdkafka 2.0.2"},
    Protected{"enable.partition.eof", "the engine reads queues, not end markers"},
    Protected{"delivery.report.only.error", "the answer waits for every report"},
    Protected{"allow.auto.create.topics", "a topic made by accident has no durability: keystrand topics create"},
};

std::string_view ReasonToRefuse(std::string_view property) {
  for (const auto& entry : kProtected) {
    if (entry.property == property) return entry.reason;
  }
  return {};
}

void AddProblem(std::string& problems, const std::string& property, std::string_view reason) {
  if (!problems.empty()) problems += '\n';
  problems.append("kafka.").append(property).append(": ").append(reason);
}

}  // namespace

Result<> CheckProperties(const ClientSettings& settings) {
  std::string problems;
  const ConfHandle conf(rd_kafka_conf_new());
  for (const auto& [property, value] : settings.properties) {
    if (const auto reason = ReasonToRefuse(property); !reason.empty()) {
      AddProblem(problems, property, std::string("is fixed: ").append(reason));
      continue;
    }
    const auto set = rd_kafka_conf_set(conf.get(), property.c_str(), value.c_str(), nullptr, 0);
    if (set == RD_KAFKA_CONF_UNKNOWN) AddProblem(problems, property, "librdkafka knows no such property");
    if (set == RD_KAFKA_CONF_INVALID) AddProblem(problems, property, "librdkafka refuses this value");
  }
  if (!problems.empty()) return Fail(ErrorCode::kRejected, std::move(problems));
  return {};
}

}  // namespace keystrand::kafka
