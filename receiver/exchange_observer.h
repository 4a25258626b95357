#pragma once

#include <string>
#include <vector>

#include "common/core/clock.h"
#include "common/http/server.h"
#include "common/metrics/receiver_metrics.h"
#include "receiver/events_in_flight.h"

namespace keystrand::receiver {

/// Counts every exchange when it is over, and logs those that ended badly by the server's own decision or were refused.
/// (What was read and could not be queued the endpoint logs itself: it knows the event.) Thread-safe.
class ExchangeObserver final : public http::ServerObserver {
 public:
  /// `paths`: of the endpoints; exchanges on them are deliveries, all others a scanner's. References must outlive this.
  ExchangeObserver(std::vector<std::string> paths, metrics::ReceiverMetrics& metrics, EventsInFlight& in_flight,
                   const Clock& clock);

  void OnExchange(const http::Exchange& exchange) override;

 private:
  [[nodiscard]] metrics::ReceiverMetrics::Endpoint EndpointOf(std::string_view path) const;
  void LogDelivery(const http::Exchange& exchange, metrics::DeliveryOutcome outcome);
  void CountDelivery(const http::Exchange& exchange, metrics::DeliveryOutcome outcome);

  std::vector<std::string> paths_;
  metrics::ReceiverMetrics& metrics_;
  EventsInFlight& in_flight_;
  const Clock& clock_;
};

/// How a delivery ended, for an exchange on an endpoint's path.
[[nodiscard]] metrics::DeliveryOutcome OutcomeOf(const http::Exchange& exchange);

}  // namespace keystrand::receiver
