#include "receiver/producer_events.h"

#include <algorithm>
#include <utility>

#include "common/log/log.h"

namespace keystrand::receiver {
namespace {

using log::Field;
constexpr std::chrono::seconds kBrokerFresh{10};

}  // namespace

ProducerEvents::ProducerEvents(metrics::ProduceMetrics& produced, metrics::KafkaClientMetrics& client,
                               const Clock& clock)
    : produced_(produced),
      client_(client),
      clock_(clock),
      seen_at_((clock.Steady() - 2 * kBrokerFresh).time_since_epoch().count()) {}

void ProducerEvents::OnProduced(kafka::ProduceResult result, std::chrono::nanoseconds took) {
  produced_.Produced(static_cast<metrics::ProduceResult>(result), took);
  if (result == kafka::ProduceResult::kOk) BrokerSeen();
}

void ProducerEvents::OnStatistics(std::string_view json) {
  auto statistics = metrics::ParseKafkaStatistics(json);
  if (!statistics) return;  // shows as the age of the statistics
  const auto& brokers = statistics->brokers;
  const bool up =
      std::any_of(brokers.begin(), brokers.end(), [](const auto& broker) { return broker.node_id >= 0 && broker.up; });
  if (up) BrokerSeen();
  client_.Update(metrics::ClientRole::kProducer, std::move(*statistics), clock_.Now());
}

void ProducerEvents::OnClientError(std::string_view code, std::string_view /*reason*/, bool fatal) {
  client_.ClientErrorSeen(metrics::ClientRole::kProducer, fatal ? "_FATAL" : code);
  if (fatal) {
    log::Error(log::Action::kKafkaFatal, "the producer is made anew",
               {{Field::kClient, "producer"}, {Field::kCode, code}});
  } else {
    log::Warn(log::Action::kKafkaError, "the producer reports trouble",
              {{Field::kClient, "producer"}, {Field::kCode, code}});
  }
}

void ProducerEvents::BrokerSeen() {
  seen_at_.store(clock_.Steady().time_since_epoch().count(), std::memory_order_relaxed);
}

bool ProducerEvents::BrokerUp() const {
  using std::chrono::steady_clock;
  const steady_clock::time_point seen{steady_clock::duration(seen_at_.load(std::memory_order_relaxed))};
  return clock_.Steady() - seen < kBrokerFresh;
}

}  // namespace keystrand::receiver
