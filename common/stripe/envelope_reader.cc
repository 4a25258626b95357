#include "common/stripe/envelope_reader.h"

#include <functional>
#include <span>
#include <utility>

namespace keystrand::stripe {

struct EnvelopeReader::PlaceNames {
  std::string_view prefix;  // for operators
  std::span<const Name> names;

  static constexpr Name kEventNames[] = {
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
  static constexpr Name kDataNames[] = {
      {"object", Field::kDataObject},
      {"previous_attributes", Field::kPreviousAttributes},
  };
  static constexpr Name kObjectNames[] = {
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
  static constexpr Name kTransitionsNames[] = {
      {"accepted_at", Field::kTransitionAcceptedAt},
      {"canceled_at", Field::kTransitionCanceledAt},
      {"finalized_at", Field::kTransitionFinalizedAt},
      {"marked_uncollectible_at", Field::kTransitionMarkedUncollectibleAt},
      {"paid_at", Field::kTransitionPaidAt},
      {"voided_at", Field::kTransitionVoidedAt},
  };
  static constexpr Name kPreviousNames[] = {{"customer", Field::kPreviousCustomer}};
  static constexpr Name kReferenceNames[] = {{"id", Field::kReferenceId}};
  static constexpr Name kRelatedNames[] = {{"id", Field::kRelatedId}, {"type", Field::kRelatedType}};
};

constexpr EnvelopeReader::PlaceNames EnvelopeReader::NamesOf(Place place) {
  using Names = PlaceNames;
  switch (place) {
    case Place::kIgnored: return {"", {}};
    case Place::kEvent: return {"", Names::kEventNames};
    case Place::kData: return {"data.", Names::kDataNames};
    case Place::kObject: return {"data.object.", Names::kObjectNames};
    case Place::kPrevious: return {"data.previous_attributes.", Names::kPreviousNames};
    case Place::kTransitions: return {"data.object.status_transitions.", Names::kTransitionsNames};
    case Place::kReference: return {"expanded object's ", Names::kReferenceNames};
    case Place::kRelated: return {"related_object.", Names::kRelatedNames};
  }
  return {};
}

constexpr EnvelopeReader::Place EnvelopeReader::PlaceOf(Field field) {
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

EnvelopeReader::Frame EnvelopeReader::FrameOf(Field field) {
  static constexpr auto kFrames = [] {
    std::array<Frame, static_cast<std::size_t>(Field::kCount)> frames{};
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const auto owner = static_cast<Field>(i);
      frames[i] = {PlaceOf(owner), owner, Field::kNone, 0};
      for (const Name& name : NamesOf(frames[i].place).names) frames[i].names |= NameBit(name.key);
    }
    return frames;
  }();
  return kFrames[static_cast<std::size_t>(field)];
}

namespace {

/// Whether `part` is a piece of `whole`.
bool IsIn(std::string_view part, std::string_view whole) {
  const std::less_equal<> before;
  return before(whole.data(), part.data()) && before(part.data() + part.size(), whole.data() + whole.size());
}

std::string WithoutNul(std::string_view text) {
  std::string clean;
  for (std::size_t nul = text.find('\0'); nul != std::string_view::npos; nul = text.find('\0')) {
    clean.append(text.substr(0, nul)).append("\uFFFD");
    text.remove_prefix(nul + 1);
  }
  return clean.append(text);
}

}  // namespace

/// A NUL can only come from an escape.
std::string_view EnvelopeReader::Lasting(std::string_view text) {
  return IsIn(text, body_) ? text : decoded_.emplace_front(WithoutNul(text));
}

void EnvelopeReader::KeepText(std::string_view text) {
  const Frame& frame = frames_[depth_];
  if (frame.field == Field::kReferenceId) {
    At(frame.owner).text = Lasting(text);
  } else {
    Keep(Value::Type::kString).text = Lasting(text);
  }
}

/// Of a key that may be one of the place's names.
bool EnvelopeReader::Named(std::string_view key) {
  Frame& frame = frames_[depth_];
  const PlaceNames place = NamesOf(frame.place);
  for (const Name& name : place.names) {  // nearly all differ in length or in their first letter
    if (name.key.size() == key.size() && name.key.front() == key.front() && name.key == key) frame.field = name.field;
  }
  if (frame.field == Field::kNone) return true;
  const bool seen = frame.field == Field::kReferenceId ? std::exchange(At(frame.owner).has_id, true)
                                                       : At(frame.field).type != Value::Type::kAbsent;
  if (seen) fault_ = std::string(place.prefix).append(key).append(" is repeated");
  return !seen;
}

void EnvelopeReader::SawNul() {
  constexpr std::size_t kObjectDepth = 3;  // event, data, object
  if (depth_ < kObjectDepth) return;
  const Place place = frames_[kObjectDepth].place;
  nul_in_object_ |= place == Place::kObject || place == Place::kPrevious;
}

}  // namespace keystrand::stripe
