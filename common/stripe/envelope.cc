#include "common/stripe/envelope.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "common/stripe/envelope_reader.h"
#include "common/stripe/json_scan.h"
#include "common/stripe/rfc3339.h"
#include "common/stripe/sha256.h"

namespace keystrand::stripe {
namespace {

using Type = Value::Type;

constexpr std::string_view kSelf = "self";
constexpr std::size_t kNameBytesMax = 255;
constexpr std::size_t kUnreadableDigits = 16;

/// What may be part of a record's key or of a header: it is shown, split at "/" and typed by operators.
bool IsUsableName(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~' && c != '/'; });
}

tl::unexpected<Error> Malformed(std::string_view field, std::string_view fault) {
  return Fail(ErrorCode::kMalformed, std::string(field).append(" ").append(fault));
}

constexpr std::string_view kUnusable = "is not 1 to 255 bytes of printable ASCII without a slash";

Result<std::string> UsableString(const Value& value, std::string_view field) {
  if (value.type == Type::kAbsent) return Malformed(field, "is missing");
  if (value.type != Type::kString) return Malformed(field, "is not a string");
  if (!IsUsableName(value.text)) return Malformed(field, kUnusable);
  return std::string(value.text);
}

bool IsNothing(const Value& value) { return value.type == Type::kAbsent || value.type == Type::kNull; }

std::string_view StringOf(const Value& value) { return value.type == Type::kString ? value.text : std::string_view(); }

/// The id that a reference stands for: a string, or the id of an expanded object.
std::string_view IdOf(const Value& value) { return value.type == Type::kObject ? value.text : StringOf(value); }

std::optional<std::int64_t> IntegerOf(const Value& value) {
  if (value.type != Type::kNumber) return std::nullopt;
  std::int64_t integer = 0;
  const char* const end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, integer);
  if (error != std::errc() || stop != end) return std::nullopt;
  return integer;
}

std::string_view ObjectText(std::string_view body, const Value& value) {
  return value.type == Type::kObject ? body.substr(value.begin, value.end - value.begin) : std::string_view();
}

/// The last segment of a context path ("org_1/acct_2") that names an account; empty if none does.
std::string_view AccountInContext(std::string_view context) {
  std::string_view account;
  while (!context.empty()) {
    const std::string_view segment = context.substr(0, context.find('/'));
    if (segment.starts_with("acct_")) account = segment;
    context.remove_prefix(std::min(segment.size() + 1, context.size()));
  }
  return account;
}

/// The account as Stripe names it; empty for the endpoint's own.
Result<std::string> NamedAccount(const EnvelopeReader& read) {
  if (!IsNothing(read[Field::kAccount])) return UsableString(read[Field::kAccount], "account");
  const Value& context = read[Field::kContext];
  if (IsNothing(context)) return std::string();
  if (context.type != Type::kString) return Malformed("context", "is not a string");
  const std::string_view account = AccountInContext(context.text);
  if (!account.empty() && !IsUsableName(account)) return Malformed("account in context", kUnusable);
  return std::string(account);
}

/// Events about the account itself and its parts, which belong to no customer.
bool IsAboutAccount(std::string_view type) {
  return type.starts_with("account.") || type.starts_with("person.") || type.starts_with("capability.");
}

std::string_view FirstNonEmpty(std::initializer_list<std::string_view> candidates) {
  const auto* const found = std::find_if(candidates.begin(), candidates.end(), [](auto text) { return !text.empty(); });
  return found == candidates.end() ? std::string_view() : *found;
}

/// Whose strand an event belongs to: the rules are those of the header.
std::string_view KeyId(const Envelope& event, const EnvelopeReader& read, std::string_view account) {
  if (event.kind == EventKind::kThin) return FirstNonEmpty({event.object_id, event.id});
  const std::string_view id = event.object_id;
  return FirstNonEmpty({
      event.object_kind == "customer" ? id : "",
      event.customer,
      IdOf(read[Field::kPreviousCustomer]),
      IdOf(read[Field::kCustomerAccount]),
      event.object_kind == "account" && IsAboutAccount(event.type) ? id : "",
      IsAboutAccount(event.type) ? account : "",
      IdOf(read[Field::kPaymentIntent]),
      IdOf(read[Field::kCharge]),
      IdOf(read[Field::kInvoice]),
      id,
      event.object_kind,
      event.id,
  });
}

std::vector<MonotoneValue> MonotoneOf(const EnvelopeReader& read) {
  static constexpr std::pair<Field, std::string_view> kMonotone[] = {
      {Field::kAmountCaptured, "amount_captured"},
      {Field::kAmountReceived, "amount_received"},
      {Field::kAmountRefunded, "amount_refunded"},
      {Field::kAttemptCount, "attempt_count"},
      {Field::kEndedAt, "ended_at"},
      {Field::kVoidedAt, "voided_at"},
      {Field::kTransitionAcceptedAt, "status_transitions.accepted_at"},
      {Field::kTransitionCanceledAt, "status_transitions.canceled_at"},
      {Field::kTransitionFinalizedAt, "status_transitions.finalized_at"},
      {Field::kTransitionMarkedUncollectibleAt, "status_transitions.marked_uncollectible_at"},
      {Field::kTransitionPaidAt, "status_transitions.paid_at"},
      {Field::kTransitionVoidedAt, "status_transitions.voided_at"},
  };
  std::vector<MonotoneValue> values;
  for (const auto& [field, name] : kMonotone) {
    if (const auto integer = IntegerOf(read[field])) values.push_back({name, *integer});
  }
  return values;
}

void TakeObject(Envelope& event, const EnvelopeReader& read, std::string_view body) {
  if (event.kind == EventKind::kThin) {
    event.object_kind = StringOf(read[Field::kRelatedType]);
    event.object_id = StringOf(read[Field::kRelatedId]);
    return;
  }
  event.object_kind = StringOf(read[Field::kObjectKind]);
  event.object_id = StringOf(read[Field::kObjectId]);
  event.customer = IdOf(read[Field::kCustomer]);
  event.status = StringOf(read[Field::kStatus]);
  event.payment_status = StringOf(read[Field::kPaymentStatus]);
  event.monotone = MonotoneOf(read);
  event.object_json = ObjectText(body, read[Field::kDataObject]);
  event.previous_attributes_json = ObjectText(body, read[Field::kPreviousAttributes]);
  event.has_nul_escape = read.nul_in_object();
}

Result<> TakeIdentity(Envelope& event, const EnvelopeReader& read) {
  auto id = UsableString(read[Field::kId], "id");
  if (!id) return Fail(id.error());
  auto type = UsableString(read[Field::kType], "type");
  if (!type) return Fail(type.error());
  const Value& livemode = read[Field::kLivemode];
  if (livemode.type != Type::kBool) return Malformed("livemode", "is not a boolean");
  event.id = std::move(*id);
  event.type = std::move(*type);
  event.livemode = livemode.truth;
  event.kind = StringOf(read[Field::kEventObject]) == "v2.core.event" ? EventKind::kThin : EventKind::kSnapshot;
  event.api_version = StringOf(read[Field::kApiVersion]);
  const Value& created = read[Field::kCreated];
  event.created = created.type == Type::kString ? UnixSecondsOf(created.text) : IntegerOf(created);
  return {};
}

Result<> TakeKey(Envelope& event, const EnvelopeReader& read, std::string_view own_account) {
  const auto named = NamedAccount(read);
  if (!named) return Fail(named.error());
  const std::string_view key_id = KeyId(event, read, *named);
  if (!IsUsableName(key_id)) return Malformed("the id for the ordering key", kUnusable);
  event.account = named->empty() || *named == own_account ? kSelf : std::string_view(*named);
  event.scope = std::string(event.livemode ? "live/" : "test/").append(event.account);
  event.ordering_key = std::string(event.scope).append("/").append(key_id);
  return {};
}

}  // namespace

Result<Envelope> ParseEnvelope(std::string_view body, std::string_view own_account) {
  EnvelopeReader read(body);
  if (const auto scanned = ScanJson(body, read); !scanned) return Fail(scanned.error());
  if (read[Field::kRoot].type != Type::kObject) return Malformed("the body", "is not a JSON object");
  Envelope event;
  if (const auto taken = TakeIdentity(event, read); !taken) return Fail(taken.error());
  TakeObject(event, read, body);
  if (const auto taken = TakeKey(event, read, own_account); !taken) return Fail(taken.error());
  return event;
}

std::string UnreadableKey(std::string_view endpoint, std::string_view body) {
  return std::string("unreadable/").append(endpoint).append("/").append(Sha256Hex(body), 0, kUnreadableDigits);
}

}  // namespace keystrand::stripe
