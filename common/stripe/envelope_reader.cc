#include "common/stripe/envelope_reader.h"

#include <span>
#include <utility>

namespace keystrand::stripe {

struct EnvelopeReader::PlaceNames {
  std::string_view prefix;  // for operators
  std::span<const Name> names;
};

EnvelopeReader::PlaceNames EnvelopeReader::NamesOf(Place place) {
  static constexpr Name kEvent[] = {
      {"id", Field::kId},
      {"type", Field::kType},
      {"object", Field::kEventObject},
      {"account", Field::kAccount},
      {"context", Field::kContext},
      {"livemode", Field::kLivemode},
      {"created", Field::kCreated},
      {"api_version", Field::kApiVersion},
      {"data", Field::kData},
      {"related_object", Field::kRelatedObject},
  };
  static constexpr Name kData[] = {
      {"object", Field::kDataObject},
      {"previous_attributes", Field::kPreviousAttributes},
  };
  static constexpr Name kObject[] = {
      {"id", Field::kObjectId},
      {"object", Field::kObjectKind},
      {"customer", Field::kCustomer},
      {"customer_account", Field::kCustomerAccount},
      {"payment_intent", Field::kPaymentIntent},
      {"charge", Field::kCharge},
      {"invoice", Field::kInvoice},
      {"status", Field::kStatus},
      {"payment_status", Field::kPaymentStatus},
      {"amount_captured", Field::kAmountCaptured},
      {"amount_received", Field::kAmountReceived},
      {"amount_refunded", Field::kAmountRefunded},
      {"attempt_count", Field::kAttemptCount},
      {"ended_at", Field::kEndedAt},
      {"voided_at", Field::kVoidedAt},
      {"status_transitions", Field::kStatusTransitions},
  };
  static constexpr Name kTransitions[] = {
      {"accepted_at", Field::kTransitionAcceptedAt},
      {"canceled_at", Field::kTransitionCanceledAt},
      {"finalized_at", Field::kTransitionFinalizedAt},
      {"marked_uncollectible_at", Field::kTransitionMarkedUncollectibleAt},
      {"paid_at", Field::kTransitionPaidAt},
      {"voided_at", Field::kTransitionVoidedAt},
  };
  static constexpr Name kPrevious[] = {{"customer", Field::kPreviousCustomer}};
  static constexpr Name kReference[] = {{"id", Field::kReferenceId}};
  static constexpr Name kRelated[] = {{"id", Field::kRelatedId}, {"type", Field::kRelatedType}};
  switch (place) {
    case Place::kIgnored: return {"", {}};
    case Place::kEvent: return {"", kEvent};
    case Place::kData: return {"data.", kData};
    case Place::kObject: return {"data.object.", kObject};
    case Place::kPrevious: return {"data.previous_attributes.", kPrevious};
    case Place::kTransitions: return {"data.object.status_transitions.", kTransitions};
    case Place::kReference: return {"expanded object's ", kReference};
    case Place::kRelated: return {"related_object.", kRelated};
  }
  return {};
}

EnvelopeReader::Place EnvelopeReader::PlaceOf(Field field) {
  switch (field) {
    case Field::kRoot: return Place::kEvent;
    case Field::kData: return Place::kData;
    case Field::kDataObject: return Place::kObject;
    case Field::kPreviousAttributes: return Place::kPrevious;
    case Field::kStatusTransitions: return Place::kTransitions;
    case Field::kRelatedObject: return Place::kRelated;
    case Field::kCustomer:
    case Field::kCustomerAccount:
    case Field::kPaymentIntent:
    case Field::kCharge:
    case Field::kInvoice:
    case Field::kPreviousCustomer: return Place::kReference;
    default: return Place::kIgnored;
  }
}

EnvelopeReader::EnvelopeReader() { frames_[0].field = Field::kRoot; }

namespace {

std::string WithoutNul(std::string_view text) {
  std::string clean;
  for (std::size_t nul = text.find('\0'); nul != std::string_view::npos; nul = text.find('\0')) {
    clean.append(text.substr(0, nul)).append("\uFFFD");
    text.remove_prefix(nul + 1);
  }
  return clean.append(text);
}

}  // namespace

/// The slot for the value that comes now; for one that nobody looks at, a slot that nobody reads.
Value& EnvelopeReader::Keep(Value::Type type) {
  Value& value = At(frames_[depth_].field);
  value.type = type;
  return value;
}

void EnvelopeReader::Open(Frame frame) { frames_[++depth_] = frame; }

bool EnvelopeReader::StartObject(std::size_t offset) {
  const Field field = frames_[depth_].field;
  Keep(Value::Type::kObject).begin = offset;
  Open({PlaceOf(field), field, Field::kNone});
  return true;
}

bool EnvelopeReader::EndObject(std::size_t end) {
  At(frames_[depth_].owner).end = end;
  --depth_;
  return true;
}

bool EnvelopeReader::StartArray() {
  Keep(Value::Type::kArray);
  Open({});
  return true;
}

bool EnvelopeReader::EndArray() {
  --depth_;
  return true;
}

bool EnvelopeReader::Key(std::string_view key) {
  Frame& frame = frames_[depth_];
  frame.field = Field::kNone;
  if (frame.place == Place::kIgnored) return true;
  const PlaceNames place = NamesOf(frame.place);
  if (key.empty()) return true;
  for (const Name& name : place.names) {  // nearly all differ in length or in their first letter
    if (name.key.size() == key.size() && name.key.front() == key.front() && name.key == key) frame.field = name.field;
  }
  if (frame.field == Field::kNone) return true;
  const bool seen = frame.field == Field::kReferenceId ? std::exchange(At(frame.owner).has_id, true)
                                                       : At(frame.field).type != Value::Type::kAbsent;
  if (seen) fault_ = std::string(place.prefix).append(key).append(" is repeated");
  return !seen;
}

bool EnvelopeReader::String(std::string_view text) {
  const Frame& frame = frames_[depth_];
  if (frame.field == Field::kReferenceId) At(frame.owner).text = WithoutNul(text);
  if (frame.field == Field::kNone || frame.field == Field::kReferenceId) return true;
  Keep(Value::Type::kString).text = WithoutNul(text);
  return true;
}

bool EnvelopeReader::Number(std::string_view digits) {
  if (frames_[depth_].field == Field::kNone) return true;
  Keep(Value::Type::kNumber).text = digits;
  return true;
}

bool EnvelopeReader::Bool(bool truth) {
  Keep(Value::Type::kBool).truth = truth;
  return true;
}

bool EnvelopeReader::Null() {
  Keep(Value::Type::kNull);
  return true;
}

void EnvelopeReader::SawNul() {
  constexpr std::size_t kObjectDepth = 3;  // event, data, object
  if (depth_ < kObjectDepth) return;
  const Place place = frames_[kObjectDepth].place;
  nul_in_object_ |= place == Place::kObject || place == Place::kPrevious;
}

}  // namespace keystrand::stripe
