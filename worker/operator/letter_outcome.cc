#include "worker/operator/letter_outcome.h"

#include <algorithm>
#include <map>
#include <utility>

#include "worker/operator/event_report.h"
#include "worker/operator/json.h"
#include "worker/operator/text.h"

namespace keystrand::worker::op {
namespace {

using Align = Table::Align;

std::string OutcomeJson(const LetterOutcome& outcome) {
  JsonWriter json;
  json.BeginObject()
      .Field("id", PositionText(outcome.source))
      .Field("topic", outcome.source.topic)
      .Field("partition", outcome.source.partition)
      .Field("offset", outcome.source.offset)
      .TextOrNull("event_id", outcome.event_id)
      .Field("result", outcome.result)
      .TextOrNull("replay_id", outcome.replay_id)
      .TextOrNull("detail", outcome.detail)
      .Field("failed", outcome.failed)
      .EndObject();
  return std::move(json).Take();
}

std::string OutcomesText(const std::vector<LetterOutcome>& outcomes) {
  Table table({Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft, Align::kLeft});
  table.Add({"id", "event", "result", "replay", ""});
  std::map<std::string, std::int64_t> counts;
  for (const auto& outcome : outcomes) {
    ++counts[outcome.result];
    table.Add({PositionText(outcome.source), outcome.event_id.empty() ? "-" : Safe(outcome.event_id), outcome.result,
               outcome.replay_id.empty() ? "-" : Safe(outcome.replay_id), Safe(outcome.detail)});
  }
  std::vector<std::string> sums;
  for (const auto& [result, count] : counts) sums.push_back(Grouped(count) + " " + result);
  return table.Render("") + Join(sums, ", ") + "\n";
}

}  // namespace

Reply PresentOutcomes(const std::vector<LetterOutcome>& outcomes, const std::vector<std::string>& problems,
                      Format format) {
  Reply reply;
  for (const auto& outcome : outcomes) {
    if (format == Format::kJson) reply.out += OutcomeJson(outcome);
    if (outcome.failed) reply.err += Line(PositionText(outcome.source) + ": " + outcome.detail);
  }
  if (format == Format::kText && !outcomes.empty()) reply.out = OutcomesText(outcomes);
  for (const auto& problem : problems) reply.err += Line(problem);
  if (!reply.err.empty()) reply.exit_code = kFailed;
  return reply;
}

}  // namespace keystrand::worker::op
