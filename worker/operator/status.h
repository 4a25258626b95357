#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/kafka/admin.h"
#include "worker/operator/console.h"
#include "worker/operator/settings.h"
#include "worker/store/overview.h"

namespace keystrand::worker::op {

struct TopicStatus {
  std::string topic;
  std::optional<kafka::TopicDescription> seen;  ///< empty: it does not exist
  std::string problem;                          ///< empty: fit
};

/// Offsets of one partition of the events topic.
struct PartitionStatus {
  std::int32_t partition = 0;
  std::int64_t log_start = 0;
  std::int64_t end = 0;
  std::int64_t committed = -1;                    ///< -1: the group has committed nothing
  std::optional<std::int64_t> oldest_waiting_ms;  ///< Unix ms, of the first record not committed

  /// The first record not committed.
  [[nodiscard]] std::int64_t Next() const;
  [[nodiscard]] std::int64_t Backlog() const;
  /// What was committed is not in the log any more, or not yet.
  [[nodiscard]] bool OutsideLog() const;
};

/// What the brokers say.
struct KafkaStatus {
  std::int32_t brokers = 0;
  std::vector<TopicStatus> topics;  ///< events, dead letters, facts
  std::vector<PartitionStatus> partitions;
  kafka::GroupDescription group;
  std::optional<std::int64_t> last_accepted_ms;  ///< Unix ms, of the newest record

  [[nodiscard]] std::int64_t Backlog() const;
  [[nodiscard]] std::optional<std::int64_t> OldestWaitingMs() const;
};

/// What the database says.
struct DatabaseStatus : store::Overview {
  Result<std::optional<std::int64_t>> last_settled_ms;  ///< Unix ms
};

/// Everything that `status` shows.
struct StatusReport {
  std::int64_t now_ms = 0;
  std::string group;
  Result<KafkaStatus> kafka;
  Result<DatabaseStatus> database;
};

enum class Health : std::uint8_t { kHealthy, kDegraded, kDown };

struct Verdict {
  Health health = Health::kHealthy;
  std::vector<std::string> problems;  ///< a line each, with what to do
};

/// Judges a report by the settings' limits. Pure.
Verdict Judge(const StatusReport& report, const Settings& settings);

std::string StatusText(const StatusReport& report, const Verdict& verdict);
std::string StatusJson(const StatusReport& report, const Verdict& verdict);

/// The screen or document, and the exit code. Goes to stderr: why there is no screen, or beside a document. Pure.
Reply Present(const StatusReport& report, const Verdict& verdict, Format format);

/// Asks Kafka and PostgreSQL; what cannot be asked is an error in the report.
StatusReport Collect(const Settings& settings);

/// `keystrand status`
Reply ShowStatus(const Settings& settings);

}  // namespace keystrand::worker::op
