#pragma once

#include <string_view>

/// Names of the record headers of the events and dead-letters topics: an interface (schemas/records/). All values are
/// UTF-8 text.
namespace keystrand::kafka::header {

inline constexpr std::string_view kEventId = "event-id";        ///< absent when the body is unreadable
inline constexpr std::string_view kEventType = "event-type";    ///< absent when the body is unreadable
inline constexpr std::string_view kReceivedAt = "received-at";  ///< Unix ms
inline constexpr std::string_view kRequestId = "request-id";
inline constexpr std::string_view kEndpoint = "endpoint";           ///< the endpoint's name in the settings
inline constexpr std::string_view kExpectedMode = "expected-mode";  ///< live, test, any
inline constexpr std::string_view kBodySha256 = "body-sha256";      ///< 64 lower-case hex digits
inline constexpr std::string_view kSignedWith = "signed-with";      ///< primary (the first secret), secondary, none
inline constexpr std::string_view kTraceparent = "traceparent";     ///< W3C

// Added by a replay.
inline constexpr std::string_view kReplayId = "replay-id";
inline constexpr std::string_view kReplayCount = "replay-count";
inline constexpr std::string_view kReplayActor = "replay-actor";
inline constexpr std::string_view kSourcePosition = "source-position";  ///< topic/partition/offset of the first time

// Added by a dead letter.
inline constexpr std::string_view kDlqId = "dlq-id";        ///< topic/partition/offset/cycle of the first time
inline constexpr std::string_view kDlqStage = "dlq-stage";  ///< parse, handle, store, crash
inline constexpr std::string_view kDlqErrorCode = "dlq-error-code";
inline constexpr std::string_view kDlqErrorMessage = "dlq-error-message";  ///< at most 1 KiB, redacted
inline constexpr std::string_view kDlqFingerprint = "dlq-fingerprint";
inline constexpr std::string_view kDlqAttempts = "dlq-attempts";
inline constexpr std::string_view kDlqFirstFailedAt = "dlq-first-failed-at";
inline constexpr std::string_view kDlqFailedAt = "dlq-failed-at";
inline constexpr std::string_view kDlqSourceTopic = "dlq-source-topic";
inline constexpr std::string_view kDlqSourcePartition = "dlq-source-partition";
inline constexpr std::string_view kDlqSourceOffset = "dlq-source-offset";
inline constexpr std::string_view kDlqSourceTimestamp = "dlq-source-timestamp";
inline constexpr std::string_view kDlqWorker = "dlq-worker";
inline constexpr std::string_view kDlqCycle = "dlq-cycle";

}  // namespace keystrand::kafka::header
