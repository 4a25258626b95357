#include "receiver/event_record.h"

#include <span>
#include <utility>

#include "common/http/random_hex.h"
#include "common/kafka/record_headers.h"
#include "common/stripe/envelope.h"
#include "common/stripe/sha256.h"

namespace keystrand::receiver {
namespace {

namespace header = kafka::header;

std::string UnixMilliseconds(std::chrono::system_clock::time_point time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

void Identify(EventRecord& event, const EndpointSettings& endpoint, std::string_view body) {
  auto envelope = stripe::ParseEnvelope(body, endpoint.own_account);
  if (!envelope) {
    event.record.key = stripe::UnreadableKey(endpoint.name, body);
    return;
  }
  event.record.key = std::move(envelope->ordering_key);
  event.livemode = envelope->livemode;
  event.created = envelope->created;
  event.event_id = std::move(envelope->id);
  event.event_type = std::move(envelope->type);
  event.record.headers.push_back({header::kEventId, event.event_id});
  event.record.headers.push_back({header::kEventType, event.event_type});
}

}  // namespace

EventRecord MakeEventRecord(const EndpointSettings& endpoint, const Reception& reception, std::string body) {
  EventRecord event;
  auto& headers = event.record.headers;
  headers.reserve(9);
  Identify(event, endpoint, body);
  headers.push_back({header::kReceivedAt, UnixMilliseconds(reception.received_at)});
  headers.push_back({header::kRequestId, reception.request_id});
  headers.push_back({header::kEndpoint, endpoint.name});
  headers.push_back({header::kExpectedMode, endpoint.expected_mode});
  headers.push_back({header::kBodySha256, stripe::Sha256Hex(body)});
  headers.push_back({header::kSignedWith, reception.signed_with_primary ? "primary" : "secondary"});
  headers.push_back({header::kTraceparent, reception.traceparent});
  event.record.value = std::move(body);
  return event;
}

std::string NewTraceparent() {
  std::string traceparent = "00-00000000000000000000000000000000-0000000000000000-01";
  http::FillRandomHex(std::span(traceparent).subspan(3, 32));
  http::FillRandomHex(std::span(traceparent).subspan(36, 16));
  return traceparent;
}

std::string_view TraceIdOf(std::string_view traceparent) { return traceparent.substr(3, 32); }

}  // namespace keystrand::receiver
