#include "common/metrics/receiver_metrics.h"

#include <array>
#include <string_view>

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

/// The statuses that a path can answer: others get a series when they first occur. Whatever its path and
/// method, a head can be refused for its form or its slowness, a request shed, and its sender gone.
bool CanHappen(Handler handler, Method method, StatusCode code) {
  switch (code) {
    case StatusCode::k400:
    case StatusCode::k408:
    case StatusCode::k411:
    case StatusCode::k415:
    case StatusCode::k417:
    case StatusCode::k431:
    case StatusCode::k499:
    case StatusCode::k503: return true;
    case StatusCode::k200:
    case StatusCode::k413:
    case StatusCode::k500: return handler == Handler::kStripe && method == Method::kPost;
    case StatusCode::k405: return handler == Handler::kStripe && method == Method::kOther;
    case StatusCode::k404:
    case StatusCode::k414: return handler == Handler::kOther;
    case StatusCode::k429:
    case StatusCode::kOther: return false;
  }
  return false;
}

bool IsKnown(Handler handler, CodeClass code_class) {
  return handler == Handler::kStripe || code_class != CodeClass::k2xx;
}

bool Fits(Verification result, SigningSecret secret) {
  return (result == Verification::kValid) != (secret == SigningSecret::kNone);
}

/// One endpoint needs no label.
Labels LabelOf(const std::vector<std::string>& endpoints, const std::string& name) {
  return endpoints.size() == 1 ? Labels{} : Labels{{"endpoint", name}};
}

auto RequestsOf(Registry& registry, const std::vector<std::string>& endpoints) {
  std::vector<Table<Counter, Handler, Method, StatusCode>> tables;
  const auto add = [&](Handler wanted, const std::string& name) {
    tables.emplace_back(CountersOf(registry, kRequests, LabelOf(endpoints, name)),
                        std::array<std::string_view, 3>{"handler", "method", "code"},
                        [wanted](Handler handler, Method method, StatusCode code) {
                          return handler == wanted && CanHappen(handler, method, code);
                        });
  };
  for (const std::string& name : endpoints) add(Handler::kStripe, name);
  add(Handler::kOther, "other");
  return tables;
}

auto VerificationsOf(Registry& registry, const std::vector<std::string>& endpoints) {
  std::vector<Table<Counter, Verification, SigningSecret>> tables;
  for (const std::string& name : endpoints) {
    tables.emplace_back(CountersOf(registry, kVerifications, LabelOf(endpoints, name)),
                        std::array<std::string_view, 2>{"result", "secret"}, Fits);
  }
  return tables;
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

ReceiverMetrics::ReceiverMetrics(Registry& registry, const std::vector<std::string>& endpoints)
    : requests_(RequestsOf(registry, endpoints)),
      request_duration_(HistogramsOf(registry, kRequestDuration, buckets::Http()), {"handler", "code_class"}, IsKnown),
      requests_in_flight_(registry.AddGauge(kInFlight)),
      body_bytes_(registry.AddHistogram(kBodyBytes, {}, buckets::BodyBytes())),
      verifications_(VerificationsOf(registry, endpoints)),
      deliveries_(Deliveries(registry)),
      accepted_(CountersOf(registry, kAccepted), {"event_type", "livemode"}),
      last_accepted_(registry.AddGauge(kLastAccepted)),
      source_delay_(registry.AddHistogram(kSourceDelay, {}, buckets::SourceDelay())) {}

void ReceiverMetrics::RequestAnswered(Endpoint endpoint, Method method, int status, std::chrono::nanoseconds took) {
  const Handler handler = endpoint ? Handler::kStripe : Handler::kOther;
  const Requests& requests = endpoint ? requests_[*endpoint] : requests_.back();
  requests.At(handler, method, StatusCodeOf(status)).Increment();
  request_duration_.At(handler, CodeClassOf(status)).Observe(Seconds(took));
}

void ReceiverMetrics::BodyRead(std::size_t bytes) { body_bytes_.Observe(static_cast<double>(bytes)); }

void ReceiverMetrics::SignatureVerified(std::size_t endpoint, Verification result, SigningSecret secret) {
  verifications_[endpoint].At(result, secret).Increment();
}

void ReceiverMetrics::Delivered(DeliveryOutcome outcome) { deliveries_[static_cast<std::size_t>(outcome)].Increment(); }

void ReceiverMetrics::EventAccepted(EventType type, Livemode livemode, std::chrono::system_clock::time_point now) {
  accepted_.At(type, livemode).Increment();
  last_accepted_.Set(UnixSeconds(now));
}

void ReceiverMetrics::SourceDelay(std::chrono::nanoseconds delay) { source_delay_.Observe(Seconds(delay)); }

}  // namespace keystrand::metrics
