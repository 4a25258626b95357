#pragma once

#include <string>

#include "common/core/clock.h"
#include "common/http/server.h"
#include "common/metrics/receiver_metrics.h"

namespace keystrand::receiver {

/// Counts every exchange when it is over, and logs those that ended badly by the server's own decision or were refused.
/// (What the endpoint could not queue it logs itself: it knows the event.) Thread-safe.
class ExchangeObserver final : public http::ServerObserver {
 public:
  /// `webhook_path`: exchanges on it are deliveries, all others a scanner's. References must outlive this.
  ExchangeObserver(std::string webhook_path, metrics::ReceiverMetrics& metrics, const Clock& clock);

  void OnExchange(const http::Exchange& exchange) override;

 private:
  void CountDelivery(const http::Exchange& exchange, metrics::DeliveryOutcome outcome);

  std::string webhook_path_;
  metrics::ReceiverMetrics& metrics_;
  const Clock& clock_;
};

/// How a delivery ended, for an exchange on the webhook's path.
[[nodiscard]] metrics::DeliveryOutcome OutcomeOf(const http::Exchange& exchange);

}  // namespace keystrand::receiver
