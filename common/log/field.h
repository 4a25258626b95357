#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace keystrand::log {

/// Names of the values a line may carry: a closed list, so that no payload, secret or personal data finds a way in.
enum class Field : std::uint8_t {
  kTraceId,
  kSpanId,
  kParentSpanId,
  kRequestId,
  kEventId,
  kEventType,
  kLivemode,
  kCustomerId,
  kOrderingKey,
  kTopic,
  kPartition,
  kOffset,
  kNextOffset,
  kCommittedOffset,
  kEpoch,
  kOwner,
  kGroup,
  kAttempt,
  kMaxAttempts,
  kNextAttemptAt,
  kOutcome,
  kReason,
  kErrorCode,
  kSqlState,
  kConstraint,
  kDetail,
  kHttpStatus,
  kDurationSeconds,
  kSecret,
  kDeadLetterId,
  kReplayId,
  kActor,
  kClientIp,
  kClient,
  kBroker,
  kCode,
  kCheck,
  kSetting,
  kListen,
  kAdminListen,
  kEndpoint,
  kHandler,
  kOperation,
  kCount,
  kPartitions,
  kReplication,
  kRevision,
  kSignal,
  kState,
  kExitCode,
  kPid,
};

/// In the order of the enum.
inline constexpr std::array<std::string_view, 51> kFieldNames = {"trace_id",
                                                                 "span_id",
                                                                 "parent_span_id",
                                                                 "request_id",
                                                                 "event_id",
                                                                 "event_type",
                                                                 "livemode",
                                                                 "customer_id",
                                                                 "ordering_key",
                                                                 "topic",
                                                                 "partition",
                                                                 "offset",
                                                                 "next_offset",
                                                                 "committed_offset",
                                                                 "epoch",
                                                                 "owner",
                                                                 "group",
                                                                 "attempt",
                                                                 "max_attempts",
                                                                 "next_attempt_at",
                                                                 "outcome",
                                                                 "reason",
                                                                 "error_code",
                                                                 "sqlstate",
                                                                 "constraint",
                                                                 "detail",
                                                                 "http_status",
                                                                 "duration_seconds",
                                                                 "secret",
                                                                 "dead_letter_id",
                                                                 "replay_id",
                                                                 "actor",
                                                                 "client_ip",
                                                                 "client",
                                                                 "broker",
                                                                 "code",
                                                                 "check",
                                                                 "setting",
                                                                 "listen",
                                                                 "admin_listen",
                                                                 "endpoint",
                                                                 "handler",
                                                                 "operation",
                                                                 "count",
                                                                 "partitions",
                                                                 "replication",
                                                                 "revision",
                                                                 "signal",
                                                                 "state",
                                                                 "exit_code",
                                                                 "pid"};
static_assert(kFieldNames.size() == static_cast<std::size_t>(Field::kPid) + 1);

constexpr std::string_view NameOf(Field field) { return kFieldNames[static_cast<std::size_t>(field)]; }

/// One value, borrowed: strings are views that must live until the logging call returns. Whatever can be logged
/// converts.
class Value {
 public:
  enum class Kind : std::uint8_t { kString, kInteger, kNumber, kBool, kTime };

  Value(std::string_view text) : kind_(Kind::kString), text_(text) {}
  Value(const char* text) : Value(std::string_view(text)) {}
  template <typename S>
  requires(std::convertible_to<const S&, std::string_view> && !std::convertible_to<const S&, const char*>)
      Value(const S& text)
      : Value(std::string_view(text)) {}
  Value(bool flag) : kind_(Kind::kBool), integer_(flag) {}
  Value(double number) : kind_(Kind::kNumber), number_(number) {}
  template <std::integral T>
  Value(T integer) : kind_(Kind::kInteger), integer_(static_cast<std::int64_t>(integer)) {}
  /// Written as RFC 3339, UTC, microseconds.
  template <typename Duration>
  Value(std::chrono::time_point<std::chrono::system_clock, Duration> time)
      : kind_(Kind::kTime),
        integer_(std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count()) {}
  /// Written as seconds.
  template <typename Rep, typename Period>
  Value(std::chrono::duration<Rep, Period> duration)
      : kind_(Kind::kNumber), number_(std::chrono::duration<double>(duration).count()) {}

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] std::int64_t integer() const { return integer_; }
  [[nodiscard]] double number() const { return number_; }

 private:
  Kind kind_;
  std::string_view text_;
  union {
    std::int64_t integer_ = 0;
    double number_;
  };
};

struct FieldValue {
  Field field{};
  Value value;
};

}  // namespace keystrand::log
