#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "common/metrics/table.h"

namespace keystrand::metrics {

/// What the receiver shows. Thread-safe; `registry` must outlive this.
class ReceiverMetrics {
 public:
  explicit ReceiverMetrics(Registry& registry);

  /// When the answer is sent (499: the client went before it). `took`: head read to answer written.
  void RequestAnswered(Handler handler, Method method, int status, std::chrono::nanoseconds took);
  [[nodiscard]] Gauge requests_in_flight() const { return requests_in_flight_; }
  void BodyRead(std::size_t bytes);
  /// `secret` is kNone unless `result` is kValid.
  void SignatureVerified(Verification result, SigningSecret secret);
  /// Exactly once per request to the webhook.
  void Delivered(DeliveryOutcome outcome);
  /// After the acknowledgement.
  void EventAccepted(EventType type, Livemode livemode, std::chrono::system_clock::time_point now);
  /// Acceptance minus the event's `created`; below 0 (clock skew) counts as 0.
  void SourceDelay(std::chrono::nanoseconds delay);

 private:
  Table<Counter, Handler, Method, StatusCode> requests_;
  Table<Histogram, Handler, CodeClass> request_duration_;
  Gauge requests_in_flight_;
  Histogram body_bytes_;
  Table<Counter, Verification, SigningSecret> verifications_;
  std::vector<Counter> deliveries_;
  Table<Counter, EventType, Livemode> accepted_;
  Gauge last_accepted_;
  Histogram source_delay_;
};

}  // namespace keystrand::metrics
