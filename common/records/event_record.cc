#include "common/records/event_record.h"

#include <cstdlib>
#include <span>
#include <utility>

#include "common/core/random_hex.h"
#include "common/kafka/record_headers.h"
#include "common/stripe/envelope.h"
#include "common/stripe/sha256.h"

namespace keystrand::records {
namespace {

namespace header = kafka::header;

std::string UnixMilliseconds(std::chrono::system_clock::time_point time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count());
}

std::string NameOf(SignedWith secret) {
  switch (secret) {
    case SignedWith::kPrimary: return "primary";
    case SignedWith::kSecondary: return "secondary";
    case SignedWith::kNothing: return "none";
  }
  std::abort();
}

void Identify(EventRecord& event, const Intake& intake, std::string_view body) {
  auto envelope = stripe::ParseEnvelope(body, intake.own_account);
  if (!envelope) {
    event.record.key = stripe::UnreadableKey(intake.endpoint, body);
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

EventRecord MakeEventRecord(const Intake& intake, const Reception& reception, std::string body) {
  EventRecord event;
  auto& headers = event.record.headers;
  headers.reserve(9);
  Identify(event, intake, body);
  headers.push_back({header::kReceivedAt, UnixMilliseconds(reception.received_at)});
  headers.push_back({header::kRequestId, reception.request_id});
  headers.push_back({header::kEndpoint, std::string(intake.endpoint)});
  headers.push_back({header::kExpectedMode, std::string(intake.expected_mode)});
  headers.push_back({header::kBodySha256, stripe::Sha256Hex(body)});
  headers.push_back({header::kSignedWith, NameOf(reception.signed_with)});
  headers.push_back({header::kTraceparent, reception.traceparent});
  event.record.value = std::move(body);
  return event;
}

std::string NewTraceparent() {
  std::string traceparent = "00-00000000000000000000000000000000-0000000000000000-01";
  FillRandomHex(std::span(traceparent).subspan(3, 32));
  FillRandomHex(std::span(traceparent).subspan(36, 16));
  return traceparent;
}

std::string_view TraceIdOf(std::string_view traceparent) { return traceparent.substr(3, 32); }

}  // namespace keystrand::records
