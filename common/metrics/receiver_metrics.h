#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "common/metrics/table.h"

namespace keystrand::metrics {

/// What the receiver shows. Where it has several endpoints, requests and verifications bear the label `endpoint`.
/// Thread-safe; `registry` must outlive this.
class ReceiverMetrics {
 public:
  /// The place of an endpoint in the list of their names; nothing: a path that is none.
  using Endpoint = std::optional<std::size_t>;

  /// `endpoints`: their names, at least one.
  explicit ReceiverMetrics(Registry& registry, const std::vector<std::string>& endpoints = {"default"});

  /// When the answer is sent (499: the client went before it). `took`: head read to answer written.
  void RequestAnswered(Endpoint endpoint, Method method, int status, std::chrono::nanoseconds took);
  [[nodiscard]] Gauge requests_in_flight() const { return requests_in_flight_; }
  void BodyRead(std::size_t bytes);
  /// `secret` is kNone unless `result` is kValid.
  void SignatureVerified(std::size_t endpoint, Verification result, SigningSecret secret);
  /// Exactly once per request to the webhook.
  void Delivered(DeliveryOutcome outcome);
  /// After the acknowledgement.
  void EventAccepted(EventType type, Livemode livemode, std::chrono::system_clock::time_point now);
  /// Acceptance minus the event's `created`; below 0 (clock skew) counts as 0.
  void SourceDelay(std::chrono::nanoseconds delay);

 private:
  using Requests = Table<Counter, Handler, Method, StatusCode>;
  using Verifications = Table<Counter, Verification, SigningSecret>;

  std::vector<Requests> requests_;  ///< by endpoint, and at last those of no endpoint
  Table<Histogram, Handler, CodeClass> request_duration_;
  Gauge requests_in_flight_;
  Histogram body_bytes_;
  std::vector<Verifications> verifications_;  ///< by endpoint
  std::vector<Counter> deliveries_;
  Table<Counter, EventType, Livemode> accepted_;
  Gauge last_accepted_;
  Histogram source_delay_;
};

}  // namespace keystrand::metrics
