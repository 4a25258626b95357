#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <iostream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/from_memory/batches.h"
#include "tests/bench/measure/json_line.h"
#include "tests/bench/measure/process_cpu.h"
#include "worker/handlers/mirror.h"
#include "worker/memory/recent_events.h"
#include "worker/store/inbox.h"
#include "worker/store/leases.h"
#include "worker/store/objects.h"

/// The worker's statements without the worker: each batch is one transaction of the same statements, in the same order
/// and by the same code (worker/store, worker/handlers), but its events are in memory and read before the clock starts.
/// What is left out: Kafka, parsing, lanes and dispatch, retries and parking, offsets, progress of leases, metrics.
namespace keystrand::bench {
namespace {

using worker::handlers::Mirror;
using worker::store::Session;
using worker::store::Transaction;

constexpr std::int32_t kPartitions = 12;
constexpr const char* kTopic = "bench.from-memory";

struct Settings {
  std::string database_url;
  std::string template_path;
  std::string tag = "memory01";
  std::size_t connections = 8;
  std::size_t batch = 200;
  WorkloadShape workload{.deliveries = 200'000};
};

void AddOptions(CLI::App& app, Settings& to) {
  app.add_option("--database-url", to.database_url)->envname("KEYSTRAND_DATABASE_URL")->required();
  app.add_option("--template", to.template_path, "The event to vary: workload/charge_succeeded.json")->required();
  app.add_option("--records", to.workload.deliveries)->capture_default_str()->check(CLI::Range(1, 5'000'000));
  app.add_option("--connections", to.connections)->capture_default_str()->check(CLI::Range(1, 64));
  app.add_option("--batch", to.batch, "Deliveries in one transaction")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--tag", to.tag, "8 letters or digits in every id of this run")->capture_default_str();
}

worker::store::InboxRow RowOf(const ReadDelivery& delivery, std::int32_t partition) {
  const auto& envelope = delivery.event.envelope;
  worker::store::InboxRow row;
  row.key = {envelope.scope, envelope.id};
  row.event_type = envelope.type;
  row.ordering_key = delivery.key;
  row.object_type = envelope.object_kind;
  row.object_id = envelope.object_id;
  row.api_version = envelope.api_version;
  row.event_created = delivery.event.created;
  row.received_at_ms = delivery.event.received_at_ms;
  row.source_topic = kTopic;
  row.source_partition = partition;
  row.source_offset = delivery.offset;
  return row;
}

Result<> SettleIn(Transaction& transaction, const MemoryBatch& batch, std::int64_t epoch,
                  const worker::memory::RecentEvents& recent) {
  static const Mirror mirror{{}};
  std::vector<std::int32_t> lost;
  worker::store::ShareLeases(transaction, kTopic, {{batch.partition, epoch}}, lost);
  std::set<worker::store::EventKeyView> fresh;
  std::set<worker::store::EventKeyView> suspected;
  worker::handlers::RowKeys keys;
  for (const auto* delivery : batch.deliveries) {
    const auto& envelope = delivery->event.envelope;
    fresh.insert({envelope.scope, envelope.id});
    if (recent.Knows(envelope.id)) suspected.insert({envelope.scope, envelope.id});
    mirror.Need(delivery->event, keys);
  }
  std::vector<worker::store::KnownEvent> known;
  worker::store::FindKnown(transaction, {suspected.begin(), suspected.end()}, known);
  std::vector<worker::store::ObjectNeed> needs;
  for (const auto& [key, seconds] : keys.objects) needs.push_back({key, seconds.oldest, seconds.newest});
  auto rows = worker::store::LoadObjects(transaction, needs);
  if (!rows) return Fail(rows.error());
  worker::handlers::UnitOfWork work;
  work.Load(*std::move(rows));
  for (const auto& event : known) fresh.erase(ViewOf(event.key));
  std::vector<worker::store::InboxRow> inbox;
  for (const auto* delivery : batch.deliveries) {
    if (fresh.erase({delivery->event.envelope.scope, delivery->event.envelope.id}) == 0) continue;
    if (auto applied = mirror.Apply(delivery->event, work); !applied) return Fail(applied.error());
    work.Keep();
    inbox.push_back(RowOf(*delivery, batch.partition));
  }
  std::string version;
  auto updated = worker::store::UpdateObjects(transaction, work.objects.Changed(true), {}, version);
  if (!updated) return updated;
  auto inserted = worker::store::InsertObjects(transaction, work.objects.Changed(false));
  return inserted ? worker::store::InsertInbox(transaction, inbox) : inserted;
}

worker::store::DatabaseSettings Database(const Settings& settings) {
  worker::store::DatabaseSettings database;
  database.url = settings.database_url;
  return database;
}

/// The epochs of all partitions.
Result<std::vector<std::int64_t>> TakeLeases(const Settings& settings) {
  Session session(Database(settings), nullptr);
  if (auto connected = session.Connect(); !connected) return Fail(connected.error());
  std::vector<std::int32_t> partitions;
  for (std::int32_t i = 0; i < kPartitions; ++i) partitions.push_back(i);
  std::vector<std::int64_t> epochs(partitions.size());
  const auto taken = session.InTransaction([&](Transaction& transaction) -> Result<> {
    const auto leases = worker::store::RaiseEpochs(transaction, kTopic, partitions, "bench");
    if (!leases) return Fail(leases.error());
    for (const auto& lease : *leases) epochs[static_cast<std::size_t>(lease.partition)] = lease.epoch;
    return {};
  });
  if (!taken) return Fail(taken.error());
  return epochs;
}

/// Until the topic is empty.
Result<> Settle(Session& session, MemoryTopic& topic, const std::vector<std::int64_t>& epochs, std::size_t batch_max,
                worker::memory::RecentEvents& recent) {
  while (const auto batch = topic.Take(batch_max)) {
    const auto epoch = epochs[static_cast<std::size_t>(batch->partition)];
    const auto settled = session.InTransaction(
        [&](Transaction& transaction) -> Result<> { return SettleIn(transaction, *batch, epoch, recent); });
    if (!settled) return settled;
    for (const auto* delivery : batch->deliveries) recent.Remember(delivery->event.envelope.id);
    topic.Return(*batch);
  }
  return {};
}

Result<std::string> Run(const Settings& settings) {
  const auto event = EventTemplate::Read(settings.template_path);
  if (!event) return Fail(event.error());
  RunIdentity run{.tag = settings.tag};
  run.first_created = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) -
                      std::chrono::seconds(settings.workload.deliveries / run.created_per_second);
  const auto plan = PlanDeliveries(settings.workload);
  const auto topic = MemoryTopic::Read(plan, *event, run, kPartitions);
  if (!topic) return Fail(topic.error());
  const auto epochs = TakeLeases(settings);
  if (!epochs) return Fail(epochs.error());
  std::vector<Session> sessions;
  for (std::size_t i = 0; i < settings.connections; ++i) {
    sessions.emplace_back(Database(settings), nullptr);
    if (auto connected = sessions.back().Connect(); !connected) return Fail(connected.error());
  }

  worker::memory::RecentEvents recent;
  const auto cpu_before = OwnCpuTime();
  const auto begin = std::chrono::steady_clock::now();
  std::vector<Result<>> results(sessions.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < sessions.size(); ++i) {
      threads.emplace_back([&, i] { results[i] = Settle(sessions[i], **topic, *epochs, settings.batch, recent); });
    }
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  const auto cpu = OwnCpuTime() - cpu_before;
  for (const auto& result : results) {
    if (!result) return Fail(result.error());
  }
  const auto summary = Summarize(plan);
  const auto records = static_cast<double>(summary.deliveries);
  return JsonLine()
      .Add("records", summary.deliveries)
      .Add("events", summary.events)
      .Add("duplicates", summary.deliveries - summary.events)
      .Add("objects", summary.objects)
      .Add("connections", settings.connections)
      .Add("batch", settings.batch)
      .Add("seconds", elapsed.count())
      .Add("rate", records / elapsed.count())
      .Add("cpu_s_per_1000", cpu.count() * 1000 / records)
      .str();
}

int Main(int argc, char** argv) {
  CLI::App app("Settles a backlog in PostgreSQL by the worker's own statements, from memory");
  Settings settings;
  AddOptions(app, settings);
  CLI11_PARSE(app, argc, argv);
  const auto line = Run(settings);
  if (!line) {
    std::cerr << "from_memory: " << line.error().detail << "\n";
    return 1;
  }
  std::cout << *line << std::endl;
  return 0;
}

}  // namespace
}  // namespace keystrand::bench

int main(int argc, char** argv) { return keystrand::bench::Main(argc, argv); }
