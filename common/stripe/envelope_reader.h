#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <forward_list>
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
  /// Of a string, decoded, NUL replaced by U+FFFD; of a number, as written; of an object, its `id`. In the body where
  /// it stands there as it is, else in the reader.
  std::string_view text{};
  bool has_id = false;    ///< of an object that stands for its `id`: it has one, of whatever type
  std::size_t begin = 0;  ///< of an object: offset of its "{"
  std::size_t end = 0;    ///< of an object: offset after its "}"
};

/// A handler for ScanJson: follows the path from the root and keeps the values of the fields above.
class EnvelopeReader {
 public:
  /// `body`: what is read; it outlives the reader.
  explicit EnvelopeReader(std::string_view body) : body_(body) { frames_[0].field = Field::kRoot; }

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
  bool StartObject(std::size_t offset) {
    const Field field = frames_[depth_].field;
    Keep(Value::Type::kObject).begin = offset;
    Open(field == Field::kNone ? Frame{} : FrameOf(field));
    return true;
  }
  bool EndObject(std::size_t end) {
    At(frames_[depth_].owner).end = end;
    --depth_;
    return true;
  }
  bool StartArray() {
    Keep(Value::Type::kArray);
    Open({});
    return true;
  }
  bool EndArray() {
    --depth_;
    return true;
  }
  bool Key(std::string_view key) {
    Frame& frame = frames_[depth_];
    frame.field = Field::kNone;
    return (frame.names & NameBit(key)) == 0 || Named(key);
  }
  bool String(std::string_view text) {
    if (frames_[depth_].field != Field::kNone) KeepText(text);
    return true;
  }
  bool Number(std::string_view digits) {
    if (frames_[depth_].field != Field::kNone) Keep(Value::Type::kNumber).text = digits;
    return true;
  }
  bool Bool(bool truth) {
    Keep(Value::Type::kBool).truth = truth;
    return true;
  }
  bool Null() {
    Keep(Value::Type::kNull);
    return true;
  }
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
    std::uint64_t names = 0;     // a bit for each name of the place, which others may share
  };
  struct Name {
    std::string_view key;
    Field field;
  };
  struct PlaceNames;

  static constexpr std::uint64_t NameBit(std::string_view name) {
    return name.empty() ? 0 : std::uint64_t{1} << ((name.size() * 5 + static_cast<unsigned char>(name.front())) % 64);
  }
  static constexpr Place PlaceOf(Field field);
  static constexpr PlaceNames NamesOf(Place place);
  static Frame FrameOf(Field field);
  Value& At(Field field) { return values_[static_cast<std::size_t>(field)]; }
  /// The slot for the value that comes now; for one that nobody looks at, a slot that nobody reads.
  Value& Keep(Value::Type type) {
    Value& value = At(frames_[depth_].field);
    value.type = type;
    return value;
  }
  void KeepText(std::string_view text);
  std::string_view Lasting(std::string_view text);
  void Open(const Frame& frame) { frames_[++depth_] = frame; }
  bool Named(std::string_view key);

  std::string_view body_;
  std::array<Value, static_cast<std::size_t>(Field::kCount)> values_;
  std::array<Frame, 65> frames_;  // [0] stands for the document; the reader goes no deeper than 64
  std::size_t depth_ = 0;
  bool nul_in_object_ = false;
  std::string fault_;
  std::forward_list<std::string> decoded_;  // what is not in the body as it is
};

}  // namespace keystrand::stripe
