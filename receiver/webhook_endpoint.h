#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "common/core/clock.h"
#include "common/core/result.h"
#include "common/http/handler.h"
#include "common/kafka/publisher.h"
#include "common/metrics/receiver_metrics.h"
#include "receiver/endpoint_settings.h"
#include "receiver/events_in_flight.h"
#include "receiver/produce_gate.h"
#include "receiver/signing_secrets.h"

namespace keystrand::receiver {

/// Takes one delivery: signature over the raw bytes, ordering key, record, and the answer after the delivery report.
/// Judges authenticity only: a body that Stripe signed is queued, whatever it contains. Thread-safe.
class WebhookEndpoint final : public http::Handler {
 public:
  /// Everything referred to must outlive the endpoint.
  struct Parts {
    const SigningSecrets& secrets;
    kafka::Publisher& publisher;
    ProduceGate& gate;
    /// Partitions of the events topic. Errors: the topic cannot be trusted with records now.
    std::function<Result<std::int32_t>()> partition_count;
    const Clock& clock;
    metrics::ReceiverMetrics& metrics;
    EventsInFlight& in_flight;
  };

  WebhookEndpoint(EndpointSettings settings, Parts parts);
  [[nodiscard]] const EndpointSettings& settings() const { return settings_; }

  /// Also turns a delivery away, before its body is read, while it could not be queued.
  [[nodiscard]] std::optional<http::Refusal> Admit(const http::RequestHead& head) override;
  void Handle(http::Request request, http::Responder responder) override;
  /// The acknowledgement deadline has passed: durability is unknown.
  [[nodiscard]] http::Refusal OnAnswerTimeout() override;

 private:
  /// Why a verified delivery is not queued, or was not acknowledged.
  struct Failure {
    metrics::DeliveryOutcome outcome{};
    Error error;
  };
  struct Delivery;

  static std::optional<Failure> FailureOf(ProduceGate::Verdict verdict);

  [[nodiscard]] tl::expected<stripe::Signed, stripe::SignatureFailure> Verify(const http::Request& request) const;
  void Queue(http::Request request, http::Responder responder, bool signed_with_primary);
  [[nodiscard]] std::optional<http::Refusal> Shed(const http::RequestHead& head) const;
  [[nodiscard]] tl::expected<std::int32_t, Failure> ChoosePartition(const kafka::OutgoingRecord& record) const;
  void Conclude(Delivery& delivery, const Result<kafka::Position>& reported) const;
  void Accept(Delivery& delivery, const kafka::Position& position) const;
  static void TellLate(const Delivery& delivery, bool durable);
  static void GiveUp(Delivery& delivery, const Failure& failure);

  EndpointSettings settings_;
  Parts parts_;
};

}  // namespace keystrand::receiver
