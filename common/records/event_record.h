#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/kafka/publisher.h"

/// Records of the events topic, by whoever makes them: schemas/records/event.schema.json.
namespace keystrand::records {

/// By which way events come in. The views must outlive the call.
struct Intake {
  std::string_view endpoint;       ///< header `endpoint`, and part of the key of an unreadable body
  std::string_view expected_mode;  ///< header `expected-mode`: live, test or any; the worker judges it
  std::string_view own_account;    ///< the account that counts as "self"; empty if not configured
};

/// The secret that a delivery was signed with.
enum class SignedWith : std::uint8_t {
  kPrimary,
  kSecondary,
  kNothing,  ///< it was no delivery: an operator imported the event
};

/// What is known of an event beside its body.
struct Reception {
  std::string request_id;
  std::string traceparent;
  std::chrono::system_clock::time_point received_at;
  SignedWith signed_with = SignedWith::kPrimary;
};

/// A record ready but for its partition, and what logs and metrics say about it.
struct EventRecord {
  kafka::OutgoingRecord record;
  std::string event_id;    ///< empty if the body is unreadable
  std::string event_type;  ///< likewise
  bool livemode = false;
  std::optional<std::int64_t> created;  ///< Unix s
};

/// The record of an authentic body, whatever it contains: one that cannot be read goes under a key of its own, without
/// event-id and event-type, so that the worker finds it and an operator sees it. The body becomes the value untouched.
[[nodiscard]] EventRecord MakeEventRecord(const Intake& intake, const Reception& reception, std::string body);

/// A W3C traceparent of a new trace, which the event begins.
[[nodiscard]] std::string NewTraceparent();
/// The trace id of a traceparent.
[[nodiscard]] std::string_view TraceIdOf(std::string_view traceparent);

}  // namespace keystrand::records
