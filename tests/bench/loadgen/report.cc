#include "tests/bench/loadgen/report.h"

#include "tests/bench/measure/json_line.h"

namespace keystrand::bench {
namespace {

double Milliseconds(std::chrono::nanoseconds value) { return std::chrono::duration<double, std::milli>(value).count(); }

JsonLine Latency(const LatencyHistogram& latency) {
  JsonLine line;
  line.Add("p50", Milliseconds(latency.Percentile(50)))
      .Add("p90", Milliseconds(latency.Percentile(90)))
      .Add("p99", Milliseconds(latency.Percentile(99)))
      .Add("p99.9", Milliseconds(latency.Percentile(99.9)))
      .Add("max", Milliseconds(latency.max()));
  return line;
}

JsonLine Statuses(const LoadResult& result) {
  JsonLine line;
  for (const auto& [status, count] : result.statuses) line.Add(std::to_string(status), count);
  return line;
}

JsonLine Errors(const LoadErrors& errors) {
  JsonLine line;
  line.Add("broken", errors.broken).Add("refused", errors.refused).Add("unanswered", errors.unanswered);
  return line;
}

JsonLine Cpu(const LoadResult& result) {
  JsonLine line;
  for (const auto& [name, seconds] : result.cpu_seconds) line.Add(name, seconds);
  return line;
}

std::uint64_t Accepted(const LoadResult& result) {
  const auto found = result.statuses.find(200);
  return found == result.statuses.end() ? 0 : found->second;
}

}  // namespace

std::string ReportLine(const ReportLabels& labels, const LoadShape& shape, const LoadResult& result) {
  JsonLine line;
  line.Text("name", labels.name)
      .Text("loop", shape.rate > 0 ? "open" : "closed")
      .Add("connections", shape.connections)
      .Add("rate_asked", shape.rate)
      .Add("rate_achieved", static_cast<double>(Accepted(result)) / result.elapsed.count())
      .Add("due", result.due)
      .Object("statuses", Statuses(result))
      .Object("latency_ms", Latency(result.latency))
      .Object("errors", Errors(result.errors))
      .Bool("ran_out_of_requests", result.ran_out_of_requests)
      .Add("elapsed_s", result.elapsed.count())
      .Add("window_s", result.window.count())
      .Add("answers_in_window", result.answers_between_readings)
      .Object("cpu_s", Cpu(result))
      .Add("generator_cpu_s", result.own_cpu.count())
      .Add("sent", result.sent)
      .Add("accepted", result.accepted)
      .Add("body_bytes", labels.body_bytes)
      .Add("duplicates_planned", labels.duplicates);
  return line.str();
}

}  // namespace keystrand::bench
