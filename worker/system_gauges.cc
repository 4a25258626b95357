#include "worker/system_gauges.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/core/error.h"
#include "common/kafka/record_reader.h"

namespace keystrand::worker {
namespace {

using metrics::Family;
using metrics::Labels;
using metrics::Name;

constexpr Name kLag{"keystrand_group_lag", "Records of the partition that the group has not committed"};
constexpr Name kOldest{"keystrand_group_oldest_unprocessed_timestamp_seconds",
                       "When the first record that is not committed was written; 0: none waits"};
constexpr Name kOpen{"keystrand_dead_letters_open", "Open dead letters, by error code"};
constexpr Name kOldestOpen{"keystrand_dead_letters_oldest_open_timestamp_seconds",
                           "When the oldest open dead letter died; 0: none is open"};
constexpr Name kActions{"keystrand_dead_letter_actions_total", "What operators did to dead letters"};
constexpr Name kParked{"keystrand_parked_events", "Events that wait in the database, by reason"};
constexpr Name kOldestParked{"keystrand_parked_oldest_timestamp_seconds",
                             "Since when the longest-waiting strand does not flow; 0: all flow"};
constexpr Name kHeld{"keystrand_strands_on_hold", "Customers whose events wait for an operator"};
constexpr Name kRefreshed{"keystrand_refresh_timestamp_seconds", "When the gauges of this source were last read"};
constexpr Name kFailures{"keystrand_refresh_failures_total", "Reads of the gauges that failed"};
constexpr Name kSkew{"keystrand_clock_skew_seconds", "The database's clock minus this process's"};

constexpr std::array<std::string_view, 4> kReasons = {"retry", "hold", "breaker", "operator"};

double Seconds(std::int64_t ms) { return static_cast<double>(ms) / 1000; }

const store::Waiting* Find(const std::vector<store::Waiting>& waiting, std::string_view kind) {
  const auto found = std::find_if(waiting.begin(), waiting.end(), [&](const auto& each) { return each.kind == kind; });
  return found == waiting.end() ? nullptr : &*found;
}

double CountOf(const std::vector<store::Waiting>& waiting, std::string_view kind) {
  const auto* const found = Find(waiting, kind);
  return found == nullptr ? 0 : static_cast<double>(found->count);
}

double OldestOf(const std::vector<store::Waiting>& waiting) {
  const auto oldest = std::min_element(waiting.begin(), waiting.end(),
                                       [](const auto& a, const auto& b) { return a.oldest_ms < b.oldest_ms; });
  return oldest == waiting.end() ? 0 : Seconds(oldest->oldest_ms);
}

Family One(const Name& name, double value) { return {name, Family::Type::kGauge, {{{}, value}}}; }

/// Every code that a letter can have, so that each series is there before the first one dies.
Family OpenLetters(const std::vector<store::Waiting>& open) {
  Family family{kOpen, Family::Type::kGauge, {}};
  for (int code = 0; code <= static_cast<int>(ErrorCode::kCrashed); ++code) {
    const auto name = NameOf(static_cast<ErrorCode>(code));
    family.samples.push_back({{{"error_code", std::string(name)}}, CountOf(open, name)});
  }
  return family;
}

Family Parked(const std::vector<store::Waiting>& parked) {
  Family family{kParked, Family::Type::kGauge, {}};
  for (const auto reason : kReasons) {
    family.samples.push_back({{{"reason", std::string(reason)}}, CountOf(parked, reason)});
  }
  return family;
}

Family Actions(const store::Gauges& gauges) {
  return {kActions,
          Family::Type::kCounter,
          {{{{"action", "replayed"}}, static_cast<double>(gauges.letters_replayed)},
           {{{"action", "discarded"}}, static_cast<double>(gauges.letters_discarded)}}};
}

}  // namespace

SystemGauges::SystemGauges(Settings settings, metrics::Registry& registry, const Clock& clock,
                           std::function<std::vector<std::int32_t>()> assigned)
    : settings_(std::move(settings)),
      clock_(clock),
      assigned_(std::move(assigned)),
      clock_skew_(registry.AddGauge(kSkew)),
      session_(settings_.database, nullptr) {
  from_database_.refreshed_ms = from_kafka_.refreshed_ms = NowMs();
  registry.AddSource([this] { return Families(); });
  thread_ = std::thread([this] { Run(); });
}

SystemGauges::~SystemGauges() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopping_.notify_all();
  thread_.join();
}

void SystemGauges::Run() {
  do {
    RefreshDatabase();
    RefreshKafka();
  } while (WaitForNext());
}

bool SystemGauges::WaitForNext() {
  std::unique_lock lock(mutex_);
  return !stopping_.wait_for(lock, settings_.interval, [this] { return stop_; });
}

void SystemGauges::RefreshDatabase() {
  store::Gauges read;
  const auto asked = [&]() -> Result<> {
    if (!session_.connected()) {
      if (auto connected = session_.Connect(); !connected) return connected;
    }
    return session_.InTransaction([&](store::Transaction& transaction) -> Result<> {
      auto gauges = store::ReadGauges(transaction);
      if (!gauges) return Fail(gauges.error());
      read = std::move(*gauges);
      return {};
    });
  }();
  if (asked) clock_skew_.Set(Seconds(read.now_ms - NowMs()));
  const std::lock_guard lock(mutex_);
  if (asked) database_ = std::move(read);
  Refreshed(from_database_, asked.has_value());
}

void SystemGauges::RefreshKafka() {
  const auto partitions = assigned_();
  auto behind = AskKafka(partitions);
  const std::lock_guard lock(mutex_);
  if (behind) behind_ = std::move(*behind);
  Refreshed(from_kafka_, behind.has_value());
}

Result<std::map<std::int32_t, SystemGauges::Behind>> SystemGauges::AskKafka(
    const std::vector<std::int32_t>& partitions) {
  std::map<std::int32_t, Behind> behind;
  if (!admin_) {
    auto admin = kafka::Admin::Create(settings_.kafka);
    if (!admin) return Fail(admin.error());
    admin_ = std::move(*admin);
  }
  if (partitions.empty()) {  // nothing to ask but whether anybody answers
    const auto answer = admin_->QueryWatermarks(settings_.topic, {0}, settings_.timeout);
    return answer ? Result<std::map<std::int32_t, Behind>>(std::move(behind)) : Fail(answer.error());
  }
  const auto committed = admin_->Committed(settings_.group, settings_.topic, partitions.back() + 1, settings_.timeout);
  if (!committed) return Fail(committed.error());
  const auto marks = admin_->QueryWatermarks(settings_.topic, partitions, settings_.timeout);
  if (!marks) return Fail(marks.error());
  std::vector<kafka::Position> waiting;
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    const auto [low, high] = (*marks)[i];
    const auto next = std::max((*committed)[static_cast<std::size_t>(partitions[i])], low);
    behind[partitions[i]].records = std::max<std::int64_t>(0, high - next);
    if (high > next) waiting.push_back({partitions[i], next});
  }
  if (waiting.empty()) return behind;
  auto reader = kafka::RecordReader::Open(settings_.kafka);
  if (!reader) return Fail(reader.error());
  const auto records = reader->Read(settings_.topic, waiting, settings_.timeout);
  if (!records) return Fail(records.error());
  for (const auto& record : *records) {
    if (record) behind[record->position.partition].oldest_ms = record->timestamp_ms;
  }
  return behind;
}

/// Under the lock.
void SystemGauges::Refreshed(Source& source, bool ok) {
  if (ok) {
    source.refreshed_ms = NowMs();
  } else {
    ++source.failures;
  }
}

std::int64_t SystemGauges::NowMs() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock_.Now().time_since_epoch()).count();
}

std::vector<Family> SystemGauges::Families() const {
  const std::lock_guard lock(mutex_);
  Family lag{kLag, Family::Type::kGauge, {}};
  Family oldest{kOldest, Family::Type::kGauge, {}};
  for (const auto& [partition, behind] : behind_) {
    const Labels labels{
        {"group", settings_.group}, {"topic", settings_.topic}, {"partition", std::to_string(partition)}};
    lag.samples.push_back({labels, static_cast<double>(behind.records)});
    oldest.samples.push_back({labels, Seconds(behind.oldest_ms)});
  }
  const auto sources = [&](const Name& name, Family::Type type, auto value) {
    return Family{
        name, type, {{{{"source", "kafka"}}, value(from_kafka_)}, {{{"source", "postgres"}}, value(from_database_)}}};
  };
  return {std::move(lag),
          std::move(oldest),
          OpenLetters(database_.open_letters),
          One(kOldestOpen, OldestOf(database_.open_letters)),
          Actions(database_),
          Parked(database_.parked),
          One(kOldestParked, OldestOf(database_.parked)),
          One(kHeld, static_cast<double>(database_.strands_held)),
          sources(kRefreshed, Family::Type::kGauge, [](const Source& source) { return Seconds(source.refreshed_ms); }),
          sources(kFailures, Family::Type::kCounter,
                  [](const Source& source) { return static_cast<double>(source.failures); })};
}

}  // namespace keystrand::worker
