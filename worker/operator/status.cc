#include "worker/operator/status.h"

#include <algorithm>

#include "worker/operator/text.h"

namespace keystrand::worker::op {
namespace {

/// Gathers problems and keeps the worst health.
class Judgement {
 public:
  Judgement(const StatusReport& report, const Settings& settings) : report_(report), settings_(settings) {}

  Verdict Run() && {
    if (!report_.kafka) Add(Health::kDown, KafkaTrouble(report_.kafka.error(), settings_.kafka_brokers));
    if (!report_.database) Add(Health::kDown, DatabaseTrouble(report_.database.error()));
    if (report_.kafka) JudgeKafka(*report_.kafka);
    if (report_.database) JudgeDatabase(*report_.database);
    return std::move(verdict_);
  }

 private:
  void Add(Health health, std::string problem) {
    verdict_.health = std::max(verdict_.health, health);
    verdict_.problems.push_back(std::move(problem));
  }

  void JudgeKafka(const KafkaStatus& kafka) {
    for (const auto& topic : kafka.topics) {
      if (!topic.problem.empty()) Add(Health::kDegraded, topic.problem);
    }
    if (kafka.group.members.empty()) {
      Add(Health::kDegraded,
          "no worker is in the group " + report_.group + ": accepted events wait; start keystrand-worker");
    }
    for (const auto& partition : kafka.partitions) {
      if (!partition.OutsideLog()) continue;
      Add(Health::kDegraded, "partition " + std::to_string(partition.partition) + " stands at " +
                                 std::to_string(partition.committed) + ", outside its log (" +
                                 std::to_string(partition.log_start) + " to " + std::to_string(partition.end) +
                                 "): keystrand gap list tells what is missing, gap accept lets it go on");
    }
    const auto oldest = kafka.OldestWaitingMs();
    const std::int64_t age = oldest ? report_.now_ms - *oldest : 0;
    if (age > std::chrono::milliseconds(settings_.backlog_age_max).count()) {
      Add(Health::kDegraded, "the oldest event has waited for " + Span(age) + " (" + Count(kafka.Backlog(), "event") +
                                 " behind): see which partition, and its worker's log");
    }
  }

  void JudgeDatabase(const DatabaseStatus& database) {
    JudgeLetters(database);
    JudgeStrands(database);
    for (const auto& handler : database.open_breakers) {
      Add(Health::kDegraded, "the breaker of handler " + handler +
                                 " is open: its events are parked until keystrand breaker resume " + handler);
    }
  }

  void JudgeLetters(const store::Overview& database) {
    std::int64_t letters = 0;
    std::int64_t oldest = report_.now_ms;
    std::string first;
    std::vector<std::string> codes;
    for (const auto& open : database.open_letters) {
      letters += open.letters;
      if (first.empty() || open.oldest_failed_at_ms < oldest) first = open.oldest;
      oldest = std::min(oldest, open.oldest_failed_at_ms);
      codes.push_back(open.error_code + " " + Grouped(open.letters));
    }
    if (letters == 0) return;
    Add(Health::kDegraded, Count(letters, "dead letter") + (letters == 1 ? " is" : " are") + " open (" +
                               Join(codes, ", ") + "), the oldest for " + Span(report_.now_ms - oldest) +
                               ": look at one with keystrand dead-letters show " + first);
  }

  void JudgeStrands(const store::Overview& database) {
    std::int64_t held = 0;
    for (const auto& strands : database.strands) held += strands.state == "held" ? strands.strands : 0;
    if (held == 0) return;
    Add(Health::kDegraded,
        Count(held, "customer") + (held == 1 ? " waits" : " wait") +
            " for an operator, since the first event is dead: keystrand customer show tells what holds one, "
            "dead-letters replay or discard lets it go on");
  }

  const StatusReport& report_;
  const Settings& settings_;
  Verdict verdict_;
};

}  // namespace

std::int64_t PartitionStatus::Next() const { return std::max(committed, log_start); }
bool PartitionStatus::OutsideLog() const { return committed >= 0 && (committed < log_start || committed > end); }
std::int64_t PartitionStatus::Backlog() const { return std::max<std::int64_t>(end - Next(), 0); }

std::int64_t KafkaStatus::Backlog() const {
  std::int64_t backlog = 0;
  for (const auto& partition : partitions) backlog += partition.Backlog();
  return backlog;
}

std::optional<std::int64_t> KafkaStatus::OldestWaitingMs() const {
  std::optional<std::int64_t> oldest;
  for (const auto& partition : partitions) {
    if (!partition.oldest_waiting_ms) continue;
    oldest = std::min(oldest.value_or(*partition.oldest_waiting_ms), *partition.oldest_waiting_ms);
  }
  return oldest;
}

Verdict Judge(const StatusReport& report, const Settings& settings) { return Judgement(report, settings).Run(); }

Reply Present(const StatusReport& report, const Verdict& verdict, Format format) {
  Reply reply{static_cast<int>(verdict.health), "", ""};
  const bool nothing = !report.kafka && !report.database;
  if (format == Format::kJson) {
    reply.out = StatusJson(report, verdict);
  } else if (!nothing) {
    reply.out = StatusText(report, verdict);
  }
  if (verdict.health == Health::kDown && (nothing || format == Format::kJson)) {
    for (const auto& problem : verdict.problems) reply.err += Line(problem);
  }
  return reply;
}

Reply ShowStatus(const Settings& settings) {
  const StatusReport report = Collect(settings);
  return Present(report, Judge(report, settings), settings.output);
}

}  // namespace keystrand::worker::op
