#include "worker/upkeep/retention.h"

#include <algorithm>

namespace keystrand::worker::upkeep {
namespace {

constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

std::int64_t Days(std::int64_t ms) { return (ms + kDayMs - 1) / kDayMs; }

/// How long a topic may still hold a record, at most, and a day for clocks and cleaning; -1: for ever.
std::int64_t KeptMs(const kafka::TopicDescription& seen) {
  return seen.retention_ms < 0 ? -1 : seen.retention_ms + seen.segment_ms + kDayMs;
}

std::string KeptText(const KeptTopic& topic) {
  if (topic.seen.retention_ms < 0) return topic.topic + " for ever (retention.ms is -1)";
  return topic.topic + " for up to " + std::to_string(Days(KeptMs(topic.seen))) + " d (retention.ms " +
         std::to_string(Days(topic.seen.retention_ms)) + " d, segment.ms " +
         std::to_string(Days(topic.seen.segment_ms)) + " d, and a day)";
}

}  // namespace

Result<> JudgeRetention(int inbox_days, const std::vector<KeptTopic>& topics) {
  std::int64_t needed_ms = 0;
  bool for_ever = false;
  std::string kept;
  for (const auto& topic : topics) {
    needed_ms = std::max(needed_ms, KeptMs(topic.seen));
    for_ever |= KeptMs(topic.seen) < 0;
    kept += (kept.empty() ? "" : " and in ") + KeptText(topic);
  }
  if (!for_ever && inbox_days * kDayMs >= needed_ms) return {};
  const std::string remedy =
      for_ever ? "give the topic a retention.ms"
               : "set KEYSTRAND_INBOX_DAYS to " + std::to_string(Days(needed_ms)) + " or more, or lower retention.ms";
  return Fail(ErrorCode::kRejected,
              "inbox-days is " + std::to_string(inbox_days) + ", but records are kept in " + kept +
                  ": an event that was pruned before its last record could be applied again; " + remedy);
}

Result<> CheckRetention(const kafka::ClientSettings& client, const std::vector<std::string>& topics, int inbox_days,
                        std::chrono::milliseconds timeout) {
  const auto admin = kafka::Admin::Create(client);
  if (!admin) return Fail(admin.error());
  std::vector<KeptTopic> kept;
  for (const auto& topic : topics) {
    const auto seen = (*admin)->Describe(topic, timeout);
    if (!seen) return Fail(seen.error());
    kept.push_back({topic, *seen});
  }
  return JudgeRetention(inbox_days, kept);
}

}  // namespace keystrand::worker::upkeep
