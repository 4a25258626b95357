#include "tests/bench/workload/event_template.h"

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>

namespace keystrand::bench {
namespace {

constexpr std::size_t kTagLength = 8;
constexpr std::size_t kNumberLength = 6;  // at least: room for a million events, customers or objects
constexpr std::size_t kCreatedLength = 10;
constexpr std::string_view kEventPrefix = "evt_";
constexpr std::string_view kCustomerPrefix = "cus_";
constexpr std::string_view kObjectPrefix = "ch_";
constexpr std::string_view kPaymentIntentPrefix = "pi_";
constexpr std::string_view kCreatedPrefix = "\"created\": ";

/// The last "type" of the text: Stripe writes the event's own behind its data.
std::string LastType(std::string_view text) {
  constexpr std::string_view kPrefix = "\"type\": \"";
  const std::size_t at = text.rfind(kPrefix);
  if (at == std::string_view::npos) return "";
  const std::size_t begin = at + kPrefix.size();
  return std::string(text.substr(begin, text.find('"', begin) - begin));
}

bool IsIdCharacter(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

std::size_t RunOfIdCharacters(std::string_view text) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), IsIdCharacter) - text.begin());
}

/// Right-aligned decimal, padded with zeros.
void WriteNumber(std::uint64_t value, char* to, std::size_t width) {
  for (std::size_t i = width; i > 0; --i, value /= 10) to[i - 1] = static_cast<char>('0' + value % 10);
}

}  // namespace

Result<EventTemplate> EventTemplate::Parse(std::string text) {
  EventTemplate result;
  result.text_ = std::move(text);
  result.type_ = LastType(result.text_);
  result.Find(FieldKind::kEvent, kEventPrefix);
  result.Find(FieldKind::kCustomer, kCustomerPrefix);
  result.Find(FieldKind::kObject, kObjectPrefix);
  result.Find(FieldKind::kPaymentIntent, kPaymentIntentPrefix);
  result.Find(FieldKind::kCreated, kCreatedPrefix);
  if (result.type_.empty()) return Fail(ErrorCode::kMalformed, "the template lacks a type");
  for (const FieldKind kind : {FieldKind::kEvent, FieldKind::kCustomer, FieldKind::kObject, FieldKind::kCreated}) {
    if (result.First(kind) == nullptr) return Fail(ErrorCode::kMalformed, "the template lacks an id or created");
  }
  for (const Field& field : result.fields_) {
    const bool created = field.kind == FieldKind::kCreated;
    const std::size_t least = kNumberLength + (field.kind == FieldKind::kCustomer ? 0 : kTagLength);
    if (created ? field.width != kCreatedLength : field.width < least) {
      return Fail(ErrorCode::kMalformed, "too short at byte " + std::to_string(field.offset) + " of the template");
    }
  }
  return result;
}

Result<EventTemplate> EventTemplate::Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) return Fail(ErrorCode::kMalformed, "cannot read " + path);
  return Parse(std::move(text));
}

void EventTemplate::Find(FieldKind kind, std::string_view prefix) {
  const std::string_view text = text_;
  for (std::size_t at = text.find(prefix); at != std::string_view::npos; at = text.find(prefix, at + 1)) {
    if (at > 0 && IsIdCharacter(text[at - 1])) continue;  // the end of a longer word
    const std::size_t begin = at + prefix.size();
    fields_.push_back({kind, begin, RunOfIdCharacters(text.substr(begin))});
  }
}

const EventTemplate::Field* EventTemplate::First(FieldKind kind) const {
  const auto found =
      std::find_if(fields_.begin(), fields_.end(), [kind](const Field& field) { return field.kind == kind; });
  return found == fields_.end() ? nullptr : &*found;
}

void EventTemplate::Fill(FieldKind kind, std::size_t width, const PlannedEvent& event, const RunIdentity& run,
                         char* to) {
  switch (kind) {
    case FieldKind::kCustomer: return WriteNumber(event.customer, to, width);  // the same people in every run
    case FieldKind::kCreated:
      return WriteNumber(static_cast<std::uint64_t>(Created(event, run).time_since_epoch().count()), to, width);
    case FieldKind::kEvent:
    case FieldKind::kObject:
    case FieldKind::kPaymentIntent: break;
  }
  std::copy_n(run.tag.begin(), kTagLength, to);
  WriteNumber(kind == FieldKind::kEvent ? event.serial : event.object, to + kTagLength, width - kTagLength);
}

void EventTemplate::Patch(const PlannedEvent& event, const RunIdentity& run, char* body) const {
  for (const Field& field : fields_) Fill(field.kind, field.width, event, run, body + field.offset);
}

std::string EventTemplate::Render(const PlannedEvent& event, const RunIdentity& run) const {
  std::string body = text_;
  Patch(event, run, body.data());
  return body;
}

std::string EventTemplate::IdOf(FieldKind kind, std::string_view prefix, const PlannedEvent& event,
                                const RunIdentity& run) const {
  const std::size_t width = First(kind)->width;
  std::string id(prefix);
  id.resize(prefix.size() + width);
  Fill(kind, width, event, run, id.data() + prefix.size());
  return id;
}

std::string EventTemplate::EventId(const PlannedEvent& event, const RunIdentity& run) const {
  return IdOf(FieldKind::kEvent, kEventPrefix, event, run);
}

std::string EventTemplate::CustomerId(const PlannedEvent& event, const RunIdentity& run) const {
  return IdOf(FieldKind::kCustomer, kCustomerPrefix, event, run);
}

std::chrono::sys_seconds EventTemplate::Created(const PlannedEvent& event, const RunIdentity& run) {
  return run.first_created + std::chrono::seconds(event.serial / run.created_per_second);
}

}  // namespace keystrand::bench
