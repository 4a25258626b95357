#include "receiver/exchange_observer.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "common/log/log.h"
#include "receiver/delivery_tag.h"

namespace keystrand::receiver {
namespace {

using log::Field;
using metrics::DeliveryOutcome;

bool LoggedByEndpoint(const http::Exchange& exchange) {
  return exchange.ending == http::Ending::kAnswered && exchange.outcome != 0 && Unpack(exchange.outcome).logged;
}

/// For operators who look for the reason of a refusal; the sender is not told.
std::string_view RefusalDetail(const http::Exchange& exchange, DeliveryOutcome outcome) {
  if (outcome != DeliveryOutcome::kRejectedSignature) return {};
  return stripe::NameOf(Unpack(exchange.outcome).failure);
}

}  // namespace

DeliveryOutcome OutcomeOf(const http::Exchange& exchange) {
  switch (exchange.ending) {
    case http::Ending::kAnswered:
    case http::Ending::kAnswerTimeout:
      return exchange.outcome == 0 ? DeliveryOutcome::kFailedInternal : Unpack(exchange.outcome).outcome;
    case http::Ending::kRefusedHead:
      return exchange.status == 413 ? DeliveryOutcome::kRejectedBodyTooLarge : DeliveryOutcome::kRejectedBadRequest;
    case http::Ending::kTimedOut: return DeliveryOutcome::kRejectedDeadline;
    case http::Ending::kOverloaded: return DeliveryOutcome::kFailedOverloaded;
    case http::Ending::kDropped: return DeliveryOutcome::kFailedInternal;
    case http::Ending::kPeerGone: return DeliveryOutcome::kRejectedClientGone;
    case http::Ending::kStopped: return DeliveryOutcome::kFailedDraining;
  }
  std::abort();
}

ExchangeObserver::ExchangeObserver(std::vector<std::string> paths, metrics::ReceiverMetrics& metrics,
                                   EventsInFlight& in_flight, const Clock& clock)
    : paths_(std::move(paths)), metrics_(metrics), in_flight_(in_flight), clock_(clock) {}

metrics::ReceiverMetrics::Endpoint ExchangeObserver::EndpointOf(std::string_view path) const {
  const auto found = std::find(paths_.begin(), paths_.end(), path);
  if (found == paths_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - paths_.begin());
}

void ExchangeObserver::OnExchange(const http::Exchange& exchange) {
  const auto endpoint = EndpointOf(exchange.path);
  metrics_.RequestAnswered(endpoint, exchange.method == "POST" ? metrics::Method::kPost : metrics::Method::kOther,
                           exchange.status, exchange.duration);
  if (endpoint) CountDelivery(exchange, OutcomeOf(exchange));
}

void ExchangeObserver::CountDelivery(const http::Exchange& exchange, DeliveryOutcome outcome) {
  metrics_.BodyRead(exchange.body_bytes);
  metrics_.Delivered(outcome);
  if (outcome == DeliveryOutcome::kAccepted) {
    const DeliveryTag tag = Unpack(exchange.outcome);
    metrics_.EventAccepted(tag.event_type, tag.livemode, clock_.Now());
  }
  LogDelivery(exchange, outcome);
}

void ExchangeObserver::LogDelivery(const http::Exchange& exchange, DeliveryOutcome outcome) {
  if (outcome == DeliveryOutcome::kAccepted || LoggedByEndpoint(exchange)) return;
  const auto& words = metrics::kDeliveryOutcomes[static_cast<std::size_t>(outcome)];
  const EventIds event = in_flight_.GiveUp(exchange.request_id).value_or(EventIds{});
  if (words.outcome == "rejected") {
    return log::Warn(log::Action::kDeliveryRefused, "refused a delivery",
                     {{Field::kRequestId, exchange.request_id},
                      {Field::kTraceId, event.trace_id},
                      {Field::kEventId, event.event_id},
                      {Field::kClientIp, exchange.peer},
                      {Field::kHttpStatus, exchange.status},
                      {Field::kReason, words.reason},
                      {Field::kDetail, RefusalDetail(exchange, outcome)},
                      {Field::kDurationSeconds, exchange.duration}});
  }
  log::Error(log::Action::kDeliveryFailed, "no acknowledgement, no capacity or no answer in time",
             {{Field::kRequestId, exchange.request_id},
              {Field::kTraceId, event.trace_id},
              {Field::kEventId, event.event_id},
              {Field::kEventType, event.event_type},
              {Field::kHttpStatus, exchange.status},
              {Field::kReason, words.reason},
              {Field::kErrorCode, NameOf(ErrorCode::kUnavailable)},
              {Field::kDurationSeconds, exchange.duration}});
}

}  // namespace keystrand::receiver
