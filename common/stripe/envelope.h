#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.h"

namespace keystrand::stripe {

enum class EventKind : std::uint8_t {
  kSnapshot,  ///< carries data.object, the whole object as it was
  kThin,      ///< `object` = "v2.core.event": carries only a pointer, related_object
};

/// An integer of data.object that only ever grows, so that the greater of two is the newer.
struct MonotoneValue {
  std::string_view name;  ///< a constant: "amount_refunded", "status_transitions.paid_at", …
  std::int64_t value;
};

/// What receiver and worker need of an event, without its meaning. Strings are decoded; a \u0000 in them has become
/// U+FFFD, since PostgreSQL takes no NUL. Strings are empty where the body has none (absent, null or of another type).
struct Envelope {
  EventKind kind = EventKind::kSnapshot;
  std::string id;
  std::string type;
  bool livemode = false;
  std::string account;       ///< `account`, else the last acct_ segment of `context`, else "self"; own account: "self"
  std::string scope;         ///< "<live|test>/<account>"; ids are unique only inside it
  std::string ordering_key;  ///< "<scope>/<key id>": the record's key
  std::optional<std::int64_t> created;  ///< Unix s; thin events carry RFC 3339. Empty when missing or unusable
  std::string api_version;

  std::string object_kind;                    ///< data.object.object; thin: related_object.type
  std::string object_id;                      ///< data.object.id; thin: related_object.id
  std::string customer;                       ///< data.object.customer, or its id where it is expanded
  std::string status;                         ///< data.object.status
  std::string payment_status;                 ///< data.object.payment_status (checkout sessions)
  std::vector<MonotoneValue> monotone;        ///< those present as integers of 64 bits, in a fixed order
  std::string_view object_json;               ///< bytes of data.object, into the parsed body; empty if not an object
  std::string_view previous_attributes_json;  ///< bytes of data.previous_attributes, likewise
  bool has_nul_escape = false;                ///< a \u0000 occurs in object_json or previous_attributes_json
};

/// Reads the envelope in one pass over `body` (JSON, any bytes; must outlive the views of the result).
/// `own_account`: the account that counts as "self" (acct_…); empty if not configured.
///
/// Key id: the first of these that yields a non-empty string; an expanded object stands for its id, and a value of any
/// other type is passed over:
///   1. the object's own id, if it is a customer        2. its `customer`         3. `customer` before the change
///   4. `customer_account`                              5. account.*, person.*, capability.* events: the account
///   6. `payment_intent`, `charge`, `invoice`           7. the object's id        8. its kind, else the event's id
/// Thin events: related_object.id, else the event's id.
///
/// Errors: kMalformed, the detail names the field or the fault, never a value. That is: not one JSON object in valid
/// UTF-8 (at most 64 levels, no BOM, comments, NaN, lone surrogates, trailing bytes); a field that is read here given
/// twice, since parsers disagree on which one counts; id, type, account or chosen key id not 1 to 255 bytes
/// of printable ASCII without "/"; livemode not a boolean; account or context neither string nor null. Never throws,
/// never recurses: safe for hostile input. Thread-safe.
Result<Envelope> ParseEnvelope(std::string_view body, std::string_view own_account);

/// The key of a body that ParseEnvelope refuses: "unreadable/<endpoint>/<first 16 hex digits of the body's SHA-256>".
std::string UnreadableKey(std::string_view endpoint, std::string_view body);

}  // namespace keystrand::stripe
