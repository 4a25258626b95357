#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/kafka/publisher.h"

namespace keystrand::receiver {

struct EndpointSettings {
  std::string name = "default";                ///< header `endpoint`, and part of the key of an unreadable body
  std::size_t index = 0;                       ///< its place among the receiver's endpoints: of its metrics
  std::string path;                            ///< compared byte for byte with the request's, without its query
  std::string expected_mode = "any";           ///< header `expected-mode`: live, test or any; the worker judges it
  std::string own_account;                     ///< the account that counts as "self"; empty if not configured
  std::uint64_t body_bytes_max = 1024 * 1024;  ///< the server's: it answers 413 to more, whatever the load
};

/// What is known of a verified delivery beside its body.
struct Reception {
  std::string request_id;
  std::string traceparent;
  std::chrono::system_clock::time_point received_at;
  bool signed_with_primary = true;
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
[[nodiscard]] EventRecord MakeEventRecord(const EndpointSettings& endpoint, const Reception& reception,
                                          std::string body);

/// A W3C traceparent of a new trace, which the delivery begins.
[[nodiscard]] std::string NewTraceparent();
/// The trace id of a traceparent.
[[nodiscard]] std::string_view TraceIdOf(std::string_view traceparent);

}  // namespace keystrand::receiver
