#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/core/error.h"

/// Every label value, in closed lists: an id or a text that a sender chose can never become a label.
namespace keystrand::metrics {

/// The values of label type L, in the order of its numbers.
template <typename L>
inline constexpr std::array<std::string_view, 0> kLabelValues{};

template <typename L>
constexpr std::string_view NameOf(L label) {
  return kLabelValues<L>[static_cast<std::size_t>(label)];
}

enum class Handler : std::uint8_t { kStripe, kOther };
template <>
inline constexpr std::array<std::string_view, 2> kLabelValues<Handler>{"stripe", "other"};

enum class Method : std::uint8_t { kPost, kOther };
template <>
inline constexpr std::array<std::string_view, 2> kLabelValues<Method>{"POST", "other"};

enum class CodeClass : std::uint8_t { k2xx, k4xx, k5xx };
template <>
inline constexpr std::array<std::string_view, 3> kLabelValues<CodeClass>{"2xx", "4xx", "5xx"};

/// An HTTP status that the receiver answers with, 499 (the client went away before the answer), or other.
enum class StatusCode : std::uint8_t {
  k200,
  k400,
  k404,
  k405,
  k408,
  k411,
  k413,
  k414,
  k415,
  k417,
  k429,
  k431,
  k499,
  k500,
  k503,
  kOther
};
template <>
inline constexpr std::array<std::string_view, 16> kLabelValues<StatusCode>{
    "200", "400", "404", "405", "408", "411", "413", "414", "415", "417", "429", "431", "499", "500", "503", "other"};
StatusCode StatusCodeOf(int status);
CodeClass CodeClassOf(int status);

enum class Verification : std::uint8_t {
  kValid,
  kMissingHeader,
  kMalformedHeader,
  kTimestampOutsideTolerance,
  kMismatch
};
template <>
inline constexpr std::array<std::string_view, 5> kLabelValues<Verification>{
    "valid", "missing_header", "malformed_header", "timestamp_outside_tolerance", "mismatch"};

enum class SigningSecret : std::uint8_t { kPrimary, kSecondary, kHeartbeat, kNone };
template <>
inline constexpr std::array<std::string_view, 4> kLabelValues<SigningSecret>{"primary", "secondary", "heartbeat",
                                                                             "none"};

/// How a delivery ended, outcome and reason in one: only these pairs exist.
enum class DeliveryOutcome : std::uint8_t {
  kAccepted,
  kRejectedSignature,
  kRejectedBodyTooLarge,
  kRejectedBadRequest,
  kRejectedDeadline,
  kRejectedClientGone,
  kFailedQueueTimeout,
  kFailedQueueFull,
  kFailedQueueError,
  kFailedOverloaded,
  kFailedDraining,
  kFailedInternal,
};
struct OutcomeAndReason {
  std::string_view outcome;
  std::string_view reason;
};
inline constexpr std::array<OutcomeAndReason, 12> kDeliveryOutcomes{{
    {"accepted", "none"},
    {"rejected", "signature"},
    {"rejected", "body_too_large"},
    {"rejected", "bad_request"},
    {"rejected", "deadline"},
    {"rejected", "client_gone"},
    {"failed", "queue_timeout"},
    {"failed", "queue_full"},
    {"failed", "queue_error"},
    {"failed", "overloaded"},
    {"failed", "draining"},
    {"failed", "internal"},
}};

enum class Livemode : std::uint8_t { kFalse, kTrue };
template <>
inline constexpr std::array<std::string_view, 2> kLabelValues<Livemode>{"false", "true"};

/// In the order of kafka::ProduceResult, so that one casts to the other.
enum class ProduceResult : std::uint8_t { kOk, kTimeout, kQueueFull, kTooLarge, kBroker, kAuth, kFatal, kOther };
template <>
inline constexpr std::array<std::string_view, 8> kLabelValues<ProduceResult>{
    "ok", "timeout", "queue_full", "too_large", "broker", "auth", "fatal", "other"};

/// The one outcome that settles a record.
enum class EventOutcome : std::uint8_t { kApplied, kDuplicate, kStale, kIgnored, kDeadLettered };
template <>
inline constexpr std::array<std::string_view, 5> kLabelValues<EventOutcome>{"applied", "duplicate", "stale", "ignored",
                                                                            "dead_lettered"};

enum class Origin : std::uint8_t { kLive, kReplay };
template <>
inline constexpr std::array<std::string_view, 2> kLabelValues<Origin>{"live", "replay"};

/// Of an event that took the whole path.
enum class EndToEndOutcome : std::uint8_t { kApplied, kDeadLettered };
template <>
inline constexpr std::array<std::string_view, 2> kLabelValues<EndToEndOutcome>{"applied", "dead_lettered"};

enum class AttemptResult : std::uint8_t { kOk, kRetry, kPermanent };
template <>
inline constexpr std::array<std::string_view, 3> kLabelValues<AttemptResult>{"ok", "retry", "permanent"};

enum class CommitResult : std::uint8_t { kOk, kError };
template <>
inline constexpr std::array<std::string_view, 2> kLabelValues<CommitResult>{"ok", "error"};

enum class Rebalance : std::uint8_t { kAssigned, kRevoked, kLost };
template <>
inline constexpr std::array<std::string_view, 3> kLabelValues<Rebalance>{"assigned", "revoked", "lost"};

enum class DatabaseErrorClass : std::uint8_t {
  kConnection,
  kSerialization,
  kDeadlock,
  kConstraint,
  kTimeout,
  kSchema,
  kOther
};
template <>
inline constexpr std::array<std::string_view, 7> kLabelValues<DatabaseErrorClass>{
    "connection", "serialization", "deadlock", "constraint", "timeout", "schema", "other"};
/// `sqlstate`: five characters, or empty for a connection that broke.
DatabaseErrorClass DatabaseErrorClassOf(std::string_view sqlstate);

enum class ConnectionState : std::uint8_t { kInUse, kIdle };
template <>
inline constexpr std::array<std::string_view, 2> kLabelValues<ConnectionState>{"in_use", "idle"};

/// Our use of a Kafka client, whatever its client.id.
enum class ClientRole : std::uint8_t { kProducer, kConsumer, kAdmin };
template <>
inline constexpr std::array<std::string_view, 3> kLabelValues<ClientRole>{"producer", "consumer", "admin"};

/// A librdkafka error name that a client reports outside of any call, or other.
enum class ClientError : std::uint8_t {
  kAllBrokersDown,
  kTransport,
  kResolve,
  kTimedOut,
  kSsl,
  kAuthentication,
  kFatal,
  kMaxPollExceeded,
  kOther
};
template <>
inline constexpr std::array<std::string_view, 9> kLabelValues<ClientError>{
    "_ALL_BROKERS_DOWN", "_TRANSPORT", "_RESOLVE",           "_TIMED_OUT", "_SSL",
    "_AUTHENTICATION",   "_FATAL",     "_MAX_POLL_EXCEEDED", "other"};
ClientError ClientErrorOf(std::string_view librdkafka_name);

template <>
inline constexpr std::array<std::string_view, 11> kLabelValues<ErrorCode> = [] {
  std::array<std::string_view, 11> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = keystrand::NameOf(static_cast<ErrorCode>(i));
  return names;
}();

/// An event type that has series of its own, or other: an index into the list below, sorted by name.
enum class EventType : std::uint8_t {};
template <>
inline constexpr std::array<std::string_view, 20> kLabelValues<EventType>{
    "charge.dispute.created",
    "charge.failed",
    "charge.refunded",
    "charge.succeeded",
    "checkout.session.completed",
    "customer.created",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.deleted",
    "customer.subscription.updated",
    "customer.updated",
    "invoice.created",
    "invoice.finalized",
    "invoice.paid",
    "invoice.payment_failed",
    "payment_intent.payment_failed",
    "payment_intent.succeeded",
    "payment_method.attached",
    "refund.created",
    "other",  // last: not part of the sorted names
};
inline constexpr EventType kOtherEventType{kLabelValues<EventType>.size() - 1};
constexpr EventType EventTypeOf(std::string_view type) {
  constexpr auto kEnd = kLabelValues<EventType>.end() - 1;
  const auto found = std::lower_bound(kLabelValues<EventType>.begin(), kEnd, type);
  if (found == kEnd || *found != type) return kOtherEventType;
  return EventType{static_cast<std::uint8_t>(found - kLabelValues<EventType>.begin())};
}

}  // namespace keystrand::metrics
