#include "receiver/producer_events.h"

#include <algorithm>
#include <utility>

#include "common/log/log.h"

namespace keystrand::receiver {
namespace {

using log::Field;
constexpr std::chrono::seconds kTenSeconds{10};

}  // namespace

ProducerEvents::ProducerEvents(metrics::ProduceMetrics& produced, metrics::KafkaClientMetrics& client,
                               const Clock& clock)
    : produced_(produced),
      client_(client),
      clock_(clock),
      long_ago_((clock.Steady() - 2 * kTenSeconds).time_since_epoch().count()),
      seen_at_(long_ago_),
      refused_at_(long_ago_) {}

void ProducerEvents::OnProduced(kafka::ProduceResult result, std::chrono::nanoseconds took) {
  produced_.Produced(static_cast<metrics::ProduceResult>(result), took);
  if (result == kafka::ProduceResult::kAuth) SetNow(refused_at_);
  if (result != kafka::ProduceResult::kOk) return;
  refused_at_.store(long_ago_, std::memory_order_relaxed);
  BrokerSeen();
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
  if (code != "_ALL_BROKERS_DOWN") {  // that one only follows from the others
    const std::lock_guard lock(mutex_);
    last_error_ = code;
  }
  if (fatal) {
    log::Error(log::Action::kKafkaFatal, "the producer is made anew",
               {{Field::kClient, "producer"}, {Field::kCode, code}});
  } else {
    log::Warn(log::Action::kKafkaError, "the producer reports trouble",
              {{Field::kClient, "producer"}, {Field::kCode, code}});
  }
}

void ProducerEvents::BrokerSeen() { SetNow(seen_at_); }

std::string ProducerEvents::Problem() const {
  if (!WithinTenSeconds(seen_at_)) {
    const std::lock_guard lock(mutex_);
    return "no broker was seen up within ten seconds" +
           (last_error_.empty() ? "" : ", the last error is " + last_error_);
  }
  if (WithinTenSeconds(refused_at_)) return "Kafka refuses records: this client lacks the right to write to the topic";
  return "";
}

bool ProducerEvents::WithinTenSeconds(const Moment& moment) const {
  using std::chrono::steady_clock;
  const steady_clock::time_point then{steady_clock::duration(moment.load(std::memory_order_relaxed))};
  return clock_.Steady() - then < kTenSeconds;
}

void ProducerEvents::SetNow(Moment& moment) const {
  moment.store(clock_.Steady().time_since_epoch().count(), std::memory_order_relaxed);
}

}  // namespace keystrand::receiver
