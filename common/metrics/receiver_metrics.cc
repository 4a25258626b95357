#include "common/metrics/receiver_metrics.h"

#include "common/metrics/buckets.h"
#include "common/metrics/seconds.h"

namespace keystrand::metrics {
namespace {

constexpr Name kRequests{"keystrand_http_requests_total", "Requests answered, by path, method and status code"};
constexpr Name kRequestDuration{"keystrand_http_request_duration_seconds", "Headers read to response written"};
constexpr Name kInFlight{"keystrand_http_requests_in_flight", "Requests that are not answered yet"};
constexpr Name kBodyBytes{"keystrand_http_request_body_bytes", "Size of request bodies"};
constexpr Name kVerifications{"keystrand_signature_verifications_total",
                              "Signatures checked, by result and by the secret that matched"};
constexpr Name kDeliveries{"keystrand_receiver_events_total",
                           "Deliveries by outcome: rejected is the sender's fault, failed is ours"};
constexpr Name kAccepted{"keystrand_receiver_accepted_events_total", "Events accepted, by type and mode"};
constexpr Name kLastAccepted{"keystrand_receiver_last_accepted_timestamp_seconds",
                             "When an event was last accepted; 0: not since the start"};
constexpr Name kSourceDelay{"keystrand_source_delay_seconds", "Acceptance minus the event's creation at the provider"};

/// The statuses that a path can answer: others get a series when they first occur.
bool CanHappen(Handler handler, Method method, StatusCode code) {
  switch (code) {
    case StatusCode::k200:
    case StatusCode::k408:
    case StatusCode::k411:
    case StatusCode::k413:
    case StatusCode::k415:
    case StatusCode::k417:
    case StatusCode::k499:
    case StatusCode::k500:
    case StatusCode::k503: return handler == Handler::kStripe && method == Method::kPost;
    case StatusCode::k400: return handler == Handler::kOther || method == Method::kPost;
    case StatusCode::k404: return handler == Handler::kOther;
    case StatusCode::k405: return handler == Handler::kStripe && method == Method::kOther;
    case StatusCode::k414:
    case StatusCode::k431: return handler == Handler::kOther;
    case StatusCode::k429:
    case StatusCode::kOther: return false;
  }
  return false;
}

bool IsKnown(Handler handler, CodeClass code_class) {
  return handler == Handler::kStripe || code_class == CodeClass::k4xx;
}

bool Fits(Verification result, SigningSecret secret) {
  return (result == Verification::kValid) != (secret == SigningSecret::kNone);
}

std::vector<Counter> Deliveries(Registry& registry) {
  std::vector<Counter> counters;
  for (const auto& [outcome, reason] : kDeliveryOutcomes) {
    counters.push_back(
        registry.AddCounter(kDeliveries, {{"outcome", std::string(outcome)}, {"reason", std::string(reason)}}));
  }
  return counters;
}

}  // namespace

ReceiverMetrics::ReceiverMetrics(Registry& registry)
    : requests_(CountersOf(registry, kRequests), {"handler", "method", "code"}, CanHappen),
      request_duration_(HistogramsOf(registry, kRequestDuration, buckets::Http()), {"handler", "code_class"}, IsKnown),
      requests_in_flight_(registry.AddGauge(kInFlight)),
      body_bytes_(registry.AddHistogram(kBodyBytes, {}, buckets::BodyBytes())),
      verifications_(CountersOf(registry, kVerifications), {"result", "secret"}, Fits),
      deliveries_(Deliveries(registry)),
      accepted_(CountersOf(registry, kAccepted), {"event_type", "livemode"}),
      last_accepted_(registry.AddGauge(kLastAccepted)),
      source_delay_(registry.AddHistogram(kSourceDelay, {}, buckets::SourceDelay())) {}

void ReceiverMetrics::RequestAnswered(Handler handler, Method method, int status, std::chrono::nanoseconds took) {
  requests_.At(handler, method, StatusCodeOf(status)).Increment();
  request_duration_.At(handler, CodeClassOf(status)).Observe(Seconds(took));
}

void ReceiverMetrics::BodyRead(std::size_t bytes) { body_bytes_.Observe(static_cast<double>(bytes)); }

void ReceiverMetrics::SignatureVerified(Verification result, SigningSecret secret) {
  verifications_.At(result, secret).Increment();
}

void ReceiverMetrics::Delivered(DeliveryOutcome outcome) { deliveries_[static_cast<std::size_t>(outcome)].Increment(); }

void ReceiverMetrics::EventAccepted(EventType type, Livemode livemode, std::chrono::system_clock::time_point now) {
  accepted_.At(type, livemode).Increment();
  last_accepted_.Set(UnixSeconds(now));
}

void ReceiverMetrics::SourceDelay(std::chrono::nanoseconds delay) { source_delay_.Observe(Seconds(delay)); }

}  // namespace keystrand::metrics
