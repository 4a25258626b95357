#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The values of an event that this program looks at, collected in one pass. What they mean: envelope.cc.
namespace keystrand::stripe {

/// Where each value stands in the event; the names are in envelope_reader.cc.
enum class Field : std::uint8_t {
  kNone,  // all that is not looked at
  kRoot,
  kReferenceId,  // `id` of an object that stands where its id would do; kept with the field that holds the object

  kId,
  kType,
  kEventObject,
  kAccount,
  kContext,
  kLivemode,
  kCreated,
  kApiVersion,
  kData,
  kRelatedObject,

  kDataObject,
  kPreviousAttributes,
  kPreviousCustomer,

  kObjectId,
  kObjectKind,
  kCustomer,
  kCustomerAccount,
  kPaymentIntent,
  kCharge,
  kInvoice,
  kStatus,
  kPaymentStatus,
  kAmountCaptured,
  kAmountReceived,
  kAmountRefunded,
  kAttemptCount,
  kEndedAt,
  kVoidedAt,

  kStatusTransitions,
  kTransitionAcceptedAt,
  kTransitionCanceledAt,
  kTransitionFinalizedAt,
  kTransitionMarkedUncollectibleAt,
  kTransitionPaidAt,
  kTransitionVoidedAt,

  kRelatedId,
  kRelatedType,

  kCount,
};

struct Value {
  enum class Type : std::uint8_t { kAbsent, kNull, kBool, kNumber, kString, kObject, kArray };
  Type type = Type::kAbsent;
  bool truth = false;  ///< of a boolean
  std::string text;  ///< of a string, decoded, NUL replaced by U+FFFD; of a number, as written; of an object, its `id`
  bool has_id = false;    ///< of an object that stands for its `id`: it has one, of whatever type
  std::size_t begin = 0;  ///< of an object: offset of its "{"
  std::size_t end = 0;    ///< of an object: offset after its "}"
};

/// A handler for ScanJson: follows the path from the root and keeps the values of the fields above.
class EnvelopeReader {
 public:
  EnvelopeReader();

  [[nodiscard]] const Value& operator[](Field field) const { return values_.at(static_cast<std::size_t>(field)); }
  /// A \u0000 escape occurs inside data.object or data.previous_attributes.
  [[nodiscard]] bool nul_in_object() const { return nul_in_object_; }
  /// Why the reading was stopped: a field occurs twice.
  [[nodiscard]] const std::string& fault() const { return fault_; }

  /// Whether the key or string that comes now is looked at.
  [[nodiscard]] bool Reads() const {
    const Frame& frame = frames_[depth_];
    return frame.place != Place::kIgnored || frame.field != Field::kNone;
  }
  bool StartObject(std::size_t offset);
  bool EndObject(std::size_t end);
  bool StartArray();
  bool EndArray();
  bool Key(std::string_view key);
  bool String(std::string_view text);
  bool Number(std::string_view digits);
  bool Bool(bool truth);
  bool Null();
  void SawNul();

 private:
  /// The objects that have fields of interest.
  enum class Place : std::uint8_t {
    kIgnored,
    kEvent,
    kData,
    kObject,
    kPrevious,
    kTransitions,
    kReference,  // any object whose `id` stands for it
    kRelated,
  };
  /// An open object or array.
  struct Frame {
    Place place = Place::kIgnored;
    Field owner = Field::kNone;  // the field whose value it is
    Field field = Field::kNone;  // the field whose value comes next
  };
  struct Name {
    std::string_view key;
    Field field;
  };
  struct PlaceNames;

  static Place PlaceOf(Field field);
  static PlaceNames NamesOf(Place place);
  Value& At(Field field) { return values_[static_cast<std::size_t>(field)]; }
  Value& Keep(Value::Type type);
  void Open(Frame frame);

  std::array<Value, static_cast<std::size_t>(Field::kCount)> values_;
  std::array<Frame, 65> frames_;  // [0] stands for the document; the reader goes no deeper than 64
  std::size_t depth_ = 0;
  bool nul_in_object_ = false;
  std::string fault_;
};

}  // namespace keystrand::stripe
