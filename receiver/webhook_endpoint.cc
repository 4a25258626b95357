#include "receiver/webhook_endpoint.h"

#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "common/kafka/partitioner.h"
#include "common/log/log.h"
#include "common/records/event_record.h"
#include "receiver/delivery_tag.h"
#include "receiver/reply.h"

namespace keystrand::receiver {
namespace {

using log::Field;
using metrics::DeliveryOutcome;

metrics::Verification VerificationOf(stripe::SignatureFailure failure) {
  switch (failure) {
    case stripe::SignatureFailure::kMissingHeader: return metrics::Verification::kMissingHeader;
    case stripe::SignatureFailure::kMalformedHeader:
    case stripe::SignatureFailure::kNoV1Signature: return metrics::Verification::kMalformedHeader;
    case stripe::SignatureFailure::kNoSecret:
    case stripe::SignatureFailure::kEmptyPayload:
    case stripe::SignatureFailure::kSignatureMismatch: return metrics::Verification::kMismatch;
    case stripe::SignatureFailure::kTimestampTooOld:
    case stripe::SignatureFailure::kTimestampInFuture: return metrics::Verification::kTimestampOutsideTolerance;
  }
  std::abort();
}

std::string_view ReasonOf(DeliveryOutcome outcome) {
  return metrics::kDeliveryOutcomes[static_cast<std::size_t>(outcome)].reason;
}

}  // namespace

/// A verified delivery, until its report comes.
struct WebhookEndpoint::Delivery {
  http::Responder responder;
  EventIds ids;
  bool livemode = false;
  std::optional<std::int64_t> created;
  std::chrono::steady_clock::time_point produced_at;
};

std::optional<WebhookEndpoint::Failure> WebhookEndpoint::FailureOf(ProduceGate::Verdict verdict) {
  switch (verdict) {
    case ProduceGate::Verdict::kOpen: return std::nullopt;
    case ProduceGate::Verdict::kStalled:
      return Failure{DeliveryOutcome::kFailedOverloaded, {ErrorCode::kUnavailable, "Kafka does not acknowledge"}};
    case ProduceGate::Verdict::kFull:
      return Failure{DeliveryOutcome::kFailedQueueFull, {ErrorCode::kUnavailable, "too many bytes wait for Kafka"}};
  }
  std::abort();
}

WebhookEndpoint::WebhookEndpoint(EndpointSettings settings, Parts parts)
    : settings_(std::move(settings)), parts_(std::move(parts)) {}

std::optional<http::Refusal> WebhookEndpoint::Admit(const http::RequestHead& head) {
  constexpr http::OutcomeTag kBadRequest = Pack({.outcome = DeliveryOutcome::kRejectedBadRequest});
  if (head.path != settings_.path) return http::Refusal{NotFound(), kBadRequest};
  if (head.method != "POST") return http::Refusal{MethodNotAllowed(), kBadRequest};
  return Shed(head);
}

/// The signature costs more than the answer: while Kafka does not keep up, nobody's is looked at, but for the probes.
std::optional<http::Refusal> WebhookEndpoint::Shed(const http::RequestHead& head) const {
  if (head.content_length > settings_.body_bytes_max) return std::nullopt;  // no later time would be better for it
  const auto failure = FailureOf(parts_.gate.Foresee(head.content_length));
  if (!failure) return std::nullopt;
  return http::Refusal{Refused(failure->error.code), Pack({.outcome = failure->outcome})};
}

void WebhookEndpoint::Handle(http::Request request, http::Responder responder) {
  const auto verified = Verify(request);
  if (!verified) {
    parts_.metrics.SignatureVerified(settings_.index, VerificationOf(verified.error()), metrics::SigningSecret::kNone);
    return responder.Send(Refused(ErrorCode::kUnauthenticated),
                          Pack({.outcome = DeliveryOutcome::kRejectedSignature, .failure = verified.error()}));
  }
  const bool primary = verified->secret_index == 0;
  parts_.metrics.SignatureVerified(settings_.index, metrics::Verification::kValid,
                                   primary ? metrics::SigningSecret::kPrimary : metrics::SigningSecret::kSecondary);
  Queue(std::move(request), std::move(responder), primary);
}

http::Refusal WebhookEndpoint::OnAnswerTimeout() {
  return {Refused(ErrorCode::kUnavailable), Pack({.outcome = DeliveryOutcome::kFailedQueueTimeout})};
}

tl::expected<stripe::Signed, stripe::SignatureFailure> WebhookEndpoint::Verify(const http::Request& request) const {
  constexpr std::string_view kHeader = "Stripe-Signature";
  if (request.head.Count(kHeader) > 1) return tl::unexpected(stripe::SignatureFailure::kMalformedHeader);
  const auto now = std::chrono::floor<std::chrono::seconds>(parts_.clock.Now());
  return parts_.secrets.Current()->Verify(request.body, request.head.Value(kHeader), now);
}

void WebhookEndpoint::Queue(http::Request request, http::Responder responder, bool signed_with_primary) {
  records::Reception reception{std::string(request.request_id), records::NewTraceparent(), parts_.clock.Now(),
                               signed_with_primary ? records::SignedWith::kPrimary : records::SignedWith::kSecondary};
  records::EventRecord event = records::MakeEventRecord(
      {settings_.name, settings_.expected_mode, settings_.own_account}, reception, std::move(request.body));
  EventIds ids{std::move(reception.request_id), std::string(records::TraceIdOf(reception.traceparent)),
               std::move(event.event_id), std::move(event.event_type)};
  const auto delivery =
      std::make_shared<Delivery>(Delivery{std::move(responder), std::move(ids), event.livemode, event.created, {}});
  const auto partition = ChoosePartition(event.record);
  if (!partition) return GiveUp(*delivery, partition.error());
  event.record.partition = *partition;
  delivery->produced_at = parts_.clock.Steady();
  parts_.in_flight.Add(delivery->ids);
  parts_.publisher.Publish(std::move(event.record), [this, delivery](const Result<kafka::Position>& reported) {
    Conclude(*delivery, reported);
  });
}

tl::expected<std::int32_t, WebhookEndpoint::Failure> WebhookEndpoint::ChoosePartition(
    const kafka::OutgoingRecord& record) const {
  const auto partitions = parts_.partition_count();
  if (!partitions) return tl::unexpected(Failure{DeliveryOutcome::kFailedQueueError, partitions.error()});
  const std::int32_t partition = kafka::PartitionOf(record.key, *partitions);
  if (auto failure = FailureOf(parts_.gate.Judge(partition, record.key.size() + record.value.size()))) {
    return tl::unexpected(std::move(*failure));
  }
  return partition;
}

void WebhookEndpoint::Conclude(Delivery& delivery, const Result<kafka::Position>& reported) const {
  if (reported) parts_.gate.Acknowledged(parts_.clock.Steady() - delivery.produced_at);
  if (!parts_.in_flight.Reported(delivery.ids)) return TellLate(delivery, reported.has_value());
  if (reported) return Accept(delivery, *reported);
  GiveUp(delivery, {DeliveryOutcome::kFailedQueueError, reported.error()});
}

void WebhookEndpoint::Accept(Delivery& delivery, const kafka::Position& position) const {
  if (delivery.created) {
    parts_.metrics.SourceDelay(parts_.clock.Now() - std::chrono::sys_seconds(std::chrono::seconds(*delivery.created)));
  }
  log::Debug(log::Action::kDeliveryAccepted, "the record is durable",
             {{Field::kRequestId, delivery.ids.request_id},
              {Field::kTraceId, delivery.ids.trace_id},
              {Field::kEventId, delivery.ids.event_id},
              {Field::kEventType, delivery.ids.event_type},
              {Field::kLivemode, delivery.livemode},
              {Field::kPartition, position.partition},
              {Field::kOffset, position.offset}});
  delivery.responder.Send(Accepted(),
                          Pack({.outcome = DeliveryOutcome::kAccepted,
                                .event_type = metrics::EventTypeOf(delivery.ids.event_type),
                                .livemode = delivery.livemode ? metrics::Livemode::kTrue : metrics::Livemode::kFalse}));
}

/// What the sender was told was logged then; the responder goes unused, since its exchange is over.
void WebhookEndpoint::TellLate(const Delivery& delivery, bool durable) {
  log::Debug(log::Action::kDeliveryLate, "the report came after the exchange was over",
             {{Field::kRequestId, delivery.ids.request_id},
              {Field::kTraceId, delivery.ids.trace_id},
              {Field::kEventId, delivery.ids.event_id},
              {Field::kEventType, delivery.ids.event_type},
              {Field::kOutcome, durable ? "durable" : "failed"}});
}

void WebhookEndpoint::GiveUp(Delivery& delivery, const Failure& failure) {
  log::Error(log::Action::kDeliveryFailed, "the record is not known to be durable",
             {{Field::kRequestId, delivery.ids.request_id},
              {Field::kTraceId, delivery.ids.trace_id},
              {Field::kEventId, delivery.ids.event_id},
              {Field::kEventType, delivery.ids.event_type},
              {Field::kReason, ReasonOf(failure.outcome)},
              {Field::kErrorCode, NameOf(failure.error.code)},
              {Field::kDetail, failure.error.detail}});
  delivery.responder.Send(Refused(failure.error.code), Pack({.outcome = failure.outcome, .logged = true}));
}

}  // namespace keystrand::receiver
