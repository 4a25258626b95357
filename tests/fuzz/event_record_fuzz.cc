#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>

#include "common/kafka/record_headers.h"
#include "common/records/event_record.h"
#include "common/stripe/envelope.h"
#include "common/stripe/json_text.h"
#include "tests/fuzz/plain_json.h"
#include "tests/fuzz/target.h"

/// The input is the body of an authentic delivery.
namespace keystrand::fuzz {
namespace {

using stripe::Envelope;
using Kind = PlainJson::Kind;

constexpr records::Intake kIntake{"main", "live", "acct_own"};

// --- A second reading of the envelope: the rules of common/stripe/envelope.h over a tree that keeps repeated keys. ---

/// What becomes of a body: its key, or nothing if it is unreadable.
class PlainEnvelope {
 public:
  explicit PlainEnvelope(const PlainJson& event)
      : event_(event),
        data_(Of(&event, "data")),
        object_(Of(data_, "object")),
        previous_(Of(data_, "previous_attributes")),
        related_(Of(&event, "related_object")) {}

  [[nodiscard]] std::optional<std::string> Key() const {
    if (!event_.Is(Kind::kObject) || RepeatsAny()) return std::nullopt;
    const PlainJson* const livemode = Of(&event_, "livemode");
    if (livemode == nullptr || (!livemode->Is(Kind::kTrue) && !livemode->Is(Kind::kFalse))) return std::nullopt;
    const auto account = Account();
    if (!IsName(Text(&event_, "id")) || !IsName(Text(&event_, "type")) || !account || !IsName(KeyId(*account))) {
      return std::nullopt;
    }
    const bool self = account->empty() || *account == kIntake.own_account;
    return (livemode->Is(Kind::kTrue) ? "live/" : "test/") + (self ? "self" : *account) + "/" + KeyId(*account);
  }

 private:
  static const PlainJson* Of(const PlainJson* object, std::string_view key) {
    return object == nullptr ? nullptr : object->Find(key);
  }
  static std::string Text(const PlainJson* object, std::string_view key) {
    const PlainJson* const value = Of(object, key);
    return value != nullptr && value->Is(Kind::kString) ? value->text : "";
  }
  /// The id that a reference stands for.
  static std::string Reference(const PlainJson* object, std::string_view key) {
    const PlainJson* const value = Of(object, key);
    return value != nullptr && value->Is(Kind::kObject) ? Text(value, "id") : Text(object, key);
  }
  static bool IsName(const std::string& text) {
    return !text.empty() && text.size() <= 255 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F && c != '/'; });
  }
  static bool Repeats(const PlainJson* object, std::initializer_list<std::string_view> keys) {
    return object != nullptr &&
           std::any_of(keys.begin(), keys.end(), [&](std::string_view key) { return object->Count(key) > 1; });
  }

  [[nodiscard]] bool RepeatsAny() const {
    const auto references = {"customer", "customer_account", "payment_intent", "charge", "invoice"};
    return Repeats(&event_, {"id", "type", "object", "account", "context", "livemode", "created", "api_version", "data",
                             "related_object"}) ||
           Repeats(data_, {"object", "previous_attributes"}) || Repeats(previous_, {"customer"}) ||
           Repeats(object_, {"id", "object", "customer", "customer_account", "payment_intent", "charge", "invoice",
                             "status", "payment_status", "amount_captured", "amount_received", "amount_refunded",
                             "attempt_count", "ended_at", "voided_at", "status_transitions"}) ||
           Repeats(Of(object_, "status_transitions"),
                   {"accepted_at", "canceled_at", "finalized_at", "marked_uncollectible_at", "paid_at", "voided_at"}) ||
           Repeats(related_, {"id", "type"}) || Repeats(Of(previous_, "customer"), {"id"}) ||
           std::any_of(references.begin(), references.end(),
                       [&](std::string_view name) { return Repeats(Of(object_, name), {"id"}); });
  }

  /// Empty for the endpoint's own; nothing if it is not usable.
  [[nodiscard]] std::optional<std::string> Account() const {
    const auto given = [&](std::string_view key) {
      const PlainJson* const value = Of(&event_, key);
      return value != nullptr && !value->Is(Kind::kNull) ? value : nullptr;
    };
    if (const PlainJson* const account = given("account")) {
      return account->Is(Kind::kString) && IsName(account->text) ? std::optional(account->text) : std::nullopt;
    }
    const PlainJson* const context = given("context");
    if (context == nullptr) return "";
    if (!context->Is(Kind::kString)) return std::nullopt;
    const std::string account = LastAccountOf(context->text);
    return account.empty() || IsName(account) ? std::optional(account) : std::nullopt;
  }

  static std::string LastAccountOf(const std::string& path) {
    std::string account;
    for (std::size_t begin = 0; begin <= path.size();) {
      const std::size_t end = std::min(path.find('/', begin), path.size());
      const std::string segment = path.substr(begin, end - begin);
      if (segment.rfind("acct_", 0) == 0) account = segment;
      begin = end + 1;
    }
    return account;
  }

  [[nodiscard]] std::string KeyId(const std::string& account) const {
    const std::string event_id = Text(&event_, "id");
    if (Text(&event_, "object") == "v2.core.event") return First({Text(related_, "id"), event_id});
    const std::string id = Text(object_, "id");
    const std::string kind = Text(object_, "object");
    const std::string type = Text(&event_, "type");
    const bool about_account =
        type.rfind("account.", 0) == 0 || type.rfind("person.", 0) == 0 || type.rfind("capability.", 0) == 0;
    return First({kind == "customer" ? id : "", Reference(object_, "customer"), Reference(previous_, "customer"),
                  Reference(object_, "customer_account"), about_account && kind == "account" ? id : "",
                  about_account ? account : "", Reference(object_, "payment_intent"), Reference(object_, "charge"),
                  Reference(object_, "invoice"), id, kind, event_id});
  }
  static std::string First(std::initializer_list<std::string> texts) {
    for (const auto& text : texts) {
      if (!text.empty()) return text;
    }
    return "";
  }

  const PlainJson& event_;
  const PlainJson* data_;
  const PlainJson* object_;
  const PlainJson* previous_;
  const PlainJson* related_;
};

std::string Sha256(std::string_view bytes) {
  std::array<unsigned char, 32> digest{};
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  std::string hex;
  for (const unsigned byte : digest) hex.append({"0123456789abcdef"[byte / 16], "0123456789abcdef"[byte % 16]});
  return hex;
}

// --- What is promised. ---

using Headers = std::map<std::string_view, std::string>;

Headers HeadersOf(const records::EventRecord& event) {
  Headers headers;
  for (const auto& [name, value] : event.record.headers) Check(headers.emplace(name, value).second, "a header is once");
  return headers;
}

/// schemas/records/event.schema.json, as far as it depends on the body.
void CheckRecord(const records::EventRecord& event, std::string_view body, const std::optional<std::string>& key) {
  namespace header = kafka::header;
  const std::string digest = Sha256(body);
  Headers headers = HeadersOf(event);
  Check(event.record.value == body, "the value is the body, byte for byte");
  Check(headers[header::kBodySha256] == digest, "body-sha256 is the digest of the body");
  Check(event.record.key == key.value_or("unreadable/main/" + digest.substr(0, 16)), "the key follows the rules");
  Check(event.record.key.size() <= 5 + 255 + 1 + 255, "a key is bounded");
  Check(headers.contains(header::kEventId) == key.has_value(), "an event id, if the body can be read");
  Check(headers.contains(header::kEventType) == key.has_value(), "an event type, if the body can be read");
  Check(headers.size() == (key ? 9U : 7U), "no header is missing, none too many");
  if (key)
    Check(headers[header::kEventId] == event.event_id && headers[header::kEventType] == event.event_type, "one id");
}

bool Same(const Envelope& a, const Envelope& b) {
  const auto same_monotone = [](const auto& x, const auto& y) { return x.name == y.name && x.value == y.value; };
  return a.kind == b.kind && a.id == b.id && a.type == b.type && a.livemode == b.livemode && a.account == b.account &&
         a.scope == b.scope && a.ordering_key == b.ordering_key && a.created == b.created &&
         a.api_version == b.api_version && a.object_kind == b.object_kind && a.object_id == b.object_id &&
         a.customer == b.customer && a.status == b.status && a.payment_status == b.payment_status &&
         a.object_json == b.object_json && a.previous_attributes_json == b.previous_attributes_json &&
         a.has_nul_escape == b.has_nul_escape &&
         std::equal(a.monotone.begin(), a.monotone.end(), b.monotone.begin(), b.monotone.end(), same_monotone);
}

/// The bytes of the object that PostgreSQL gets.
std::string_view SourceOf(const PlainJson& event, std::string_view key) {
  const PlainJson* const data = event.Find("data");
  const PlainJson* const value = data == nullptr ? nullptr : data->Find(key);
  const PlainJson* const kind = event.Find("object");
  const bool thin = kind != nullptr && kind->Is(Kind::kString) && kind->text == "v2.core.event";
  return !thin && value != nullptr && value->Is(Kind::kObject) ? value->source : std::string_view();
}

void CheckEnvelope(const Envelope& event, const PlainJson& plain) {
  Check(event.ordering_key.starts_with(event.scope + "/"), "a key begins with its scope");
  Check(event.object_json == SourceOf(plain, "object"), "object_json is data.object");
  Check(event.previous_attributes_json == SourceOf(plain, "previous_attributes"), "likewise previous_attributes");
  int replaced = 0;
  int replaced_before = 0;
  (void)stripe::WithoutNulEscapes(event.object_json, &replaced);
  (void)stripe::WithoutNulEscapes(event.previous_attributes_json, &replaced_before);
  Check(event.has_nul_escape == (replaced + replaced_before > 0), "a NUL is reported if there is one");
  for (const std::string& text :
       {event.object_kind, event.object_id, event.customer, event.status, event.api_version}) {
    Check(text.find('\0') == std::string::npos, "no text has a NUL");
  }
}

}  // namespace

std::size_t NanosecondsPerByteMax() { return 40; }  // of 1 MiB of "1e400," each takes 17 to 21

void RunInput(std::string_view input) {
  const records::Reception reception{"0123456789abcdef", records::NewTraceparent(), {}, records::SignedWith::kPrimary};
  const auto plain = ReadPlainJson(input);
  const auto key = plain ? PlainEnvelope(*plain).Key() : std::nullopt;
  const auto event = Timed(input.size(), [&] { return MakeEventRecord(kIntake, reception, std::string(input)); });
  CheckRecord(event, input, key);

  const auto envelope = stripe::ParseEnvelope(input, kIntake.own_account);
  const auto again = stripe::ParseEnvelope(input, kIntake.own_account);
  Check(envelope.has_value() == key.has_value(), "receiver and worker agree on what can be read");
  Check(again.has_value() == envelope.has_value() && (!again || Same(*again, *envelope)), "the same at each reading");
  if (envelope) return CheckEnvelope(*envelope, *plain);
  Check(envelope.error().code == ErrorCode::kMalformed, "what cannot be read is malformed");
  Check(envelope.error().detail.size() < 120 && envelope.error().detail == again.error().detail,
        "said in a short line");
}

}  // namespace keystrand::fuzz
