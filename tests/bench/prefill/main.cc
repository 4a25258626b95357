#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>

#include "tests/bench/measure/json_line.h"
#include "tests/bench/measure/process_cpu.h"
#include "tests/bench/prefill/producer.h"
#include "tests/bench/prefill/received_record.h"
#include "tests/bench/workload/event_plan.h"
#include "tests/bench/workload/event_template.h"

namespace keystrand::bench {
namespace {

using std::chrono::steady_clock;
using std::chrono::system_clock;

struct Settings {
  Producer::Settings producer;
  std::string name = "prefill";
  std::string template_path;
  std::string tag = "bench001";
  bool count_only = false;
  int create_partitions = 0;
  int replication_factor = 1;
  WorkloadShape workload{.deliveries = 200'000};
};

struct Outcome {
  PlanSummary plan;
  std::chrono::duration<double> elapsed{};
  std::chrono::duration<double> cpu{};
  std::size_t body_bytes = 0;
};

void AddOptions(CLI::App& app, Settings& to) {
  app.add_option("--brokers", to.producer.brokers, "host:port,…")->envname("KEYSTRAND_KAFKA_BROKERS")->required();
  app.add_option("--topic", to.producer.topic)->envname("KEYSTRAND_EVENTS_TOPIC")->default_val("keystrand.events");
  app.add_option("--template", to.template_path, "The event to vary: workload/charge_succeeded.json");
  app.add_option("--records", to.workload.deliveries)->capture_default_str()->check(CLI::Range(0, 5'000'000));
  app.add_option("--customers", to.workload.customers)->capture_default_str()->check(CLI::Range(1, 1'000'000));
  app.add_option("--zipf", to.workload.zipf_exponent)->capture_default_str();
  app.add_option("--duplicates", to.workload.duplicate_share, "Share of records that repeat an event")
      ->capture_default_str();
  app.add_option("--seed", to.workload.seed)->capture_default_str();
  app.add_option("--tag", to.tag, "8 letters or digits in every id of this run")
      ->capture_default_str()
      ->check([](const std::string& tag) { return tag.size() == 8 ? "" : "8 characters"; });
  app.add_option("--outstanding", to.producer.outstanding_max, "Records under way at once")
      ->capture_default_str()
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("--linger-ms", to.producer.linger_ms)->capture_default_str();
  app.add_option("--create", to.create_partitions, "First make the topic with so many partitions")
      ->capture_default_str();
  app.add_option("--replication", to.replication_factor)->capture_default_str();
  app.add_flag("--count", to.count_only, "Only report how many records the topic holds");
  app.add_option("--name", to.name, "Name in the report")->capture_default_str();
}

Result<> ProduceAll(Producer& producer, const std::vector<PlannedEvent>& plan, const EventTemplate& event,
                    const RunIdentity& run) {
  for (std::size_t i = 0; i < plan.size(); ++i) {
    const ReceivedRecord record = RecordOf(event, plan[i], run, system_clock::now(), i);
    if (const auto produced = producer.Produce(record.key, record.body, record.headers); !produced) return produced;
  }
  return producer.Flush();
}

/// Events created up to now, so that none lies in the future.
RunIdentity RunOf(const Settings& settings) {
  RunIdentity run{.tag = settings.tag};
  const auto now = std::chrono::floor<std::chrono::seconds>(system_clock::now());
  run.first_created = now - std::chrono::seconds(settings.workload.deliveries / run.created_per_second);
  return run;
}

Result<Outcome> Prefill(const Settings& settings) {
  const auto event = EventTemplate::Read(settings.template_path);
  if (!event) return Fail(event.error());
  auto producer = Producer::Open(settings.producer);
  if (!producer) return Fail(producer.error());
  if (settings.create_partitions > 0) {
    const auto created = producer->CreateTopic(settings.create_partitions, settings.replication_factor);
    if (!created) return Fail(created.error());
  }
  const std::vector<PlannedEvent> plan = PlanDeliveries(settings.workload);
  const auto begin = steady_clock::now();
  const auto cpu_before = OwnCpuTime();
  if (const auto done = ProduceAll(*producer, plan, *event, RunOf(settings)); !done) return Fail(done.error());
  return Outcome{Summarize(plan), steady_clock::now() - begin, OwnCpuTime() - cpu_before, event->text().size()};
}

std::string ReportLine(const Settings& settings, const Outcome& outcome) {
  const auto records = static_cast<double>(std::max<std::size_t>(outcome.plan.deliveries, 1));
  JsonLine line;
  line.Text("name", settings.name)
      .Add("records", outcome.plan.deliveries)
      .Add("events", outcome.plan.events)
      .Add("duplicates", outcome.plan.deliveries - outcome.plan.events)
      .Add("customers", outcome.plan.customers)
      .Add("objects", outcome.plan.objects)
      .Add("busiest_customer_records", outcome.plan.busiest_customer_deliveries)
      .Add("body_bytes", outcome.body_bytes)
      .Add("outstanding_max", settings.producer.outstanding_max)
      .Add("elapsed_s", outcome.elapsed.count())
      .Add("rate", records / outcome.elapsed.count())
      .Add("cpu_s_per_1000", outcome.cpu.count() * 1000 / records);
  return line.str();
}

Result<std::string> CountLine(const Settings& settings) {
  auto producer = Producer::Open(settings.producer);
  if (!producer) return Fail(producer.error());
  const auto records = producer->CountRecords();
  if (!records) return Fail(records.error());
  return JsonLine().Text("name", settings.name).Add("records", *records).str();
}

Result<std::string> PrefillLine(const Settings& settings) {
  const auto outcome = Prefill(settings);
  if (!outcome) return Fail(outcome.error());
  return ReportLine(settings, *outcome);
}

int Main(int argc, char** argv) {
  CLI::App app("Fills the events topic with records as the receiver writes them");
  Settings settings;
  AddOptions(app, settings);
  CLI11_PARSE(app, argc, argv);
  const auto line = settings.count_only ? CountLine(settings) : PrefillLine(settings);
  if (!line) {
    std::cerr << "prefill: " << line.error().detail << "\n";
    return 1;
  }
  std::cout << *line << std::endl;
  return 0;
}

}  // namespace
}  // namespace keystrand::bench

int main(int argc, char** argv) { return keystrand::bench::Main(argc, argv); }
