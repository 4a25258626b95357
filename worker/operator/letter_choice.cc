#include "worker/operator/letter_choice.h"

#include <algorithm>

#include "worker/operator/time_argument.h"

namespace keystrand::worker::op {

void LetterChoice::AddFilterTo(config::Command& command) {
  command.Add(status, {"status", "only letters in this state: open, replaying, resolved, discarded"});
  command.Add(type, {"type", "only of this event type, as invoice.paid"});
  command.Add(code, {"code", "only with this error code, as malformed"});
  command.Add(fingerprint, {"fingerprint", "only what died of the same thing, as list shows it"});
  command.Add(key, {"key", "only of this ordering key, as live/self/cus_…"});
  command.Add(scope, {"scope", "only of this one, as live/self or test/acct_…"});
  command.Add(
      since,
      {"since", "only what failed last at this time or later: 2026-11-24T01:02:03Z, 2026-11-24, or 2h ago as 2h"});
  command.Add(until, {"until", "only what failed last before this time, given likewise"});
}

bool LetterChoice::HasFilter() const {
  const auto fields = {&status, &type, &code, &fingerprint, &key, &scope, &since, &until};
  return std::any_of(fields.begin(), fields.end(), [](const auto* field) { return !field->empty(); });
}

store::LetterFilter LetterChoice::Filter(std::int64_t now_ms) const {
  store::LetterFilter filter;
  filter.status = status;
  filter.event_type = type;
  filter.error_code = code;
  filter.fingerprint = fingerprint;
  filter.ordering_key = key;
  filter.scope = scope;
  if (!since.empty()) filter.since_ms = ParseTime(since, now_ms);
  if (!until.empty()) filter.until_ms = ParseTime(until, now_ms);
  filter.limit = limit;
  return filter;
}

std::vector<std::string> LetterChoice::Problems() const {
  std::vector<std::string> problems;
  if (!status.empty() && status != "open" && status != "replaying" && status != "resolved" && status != "discarded") {
    problems.push_back("--status = \"" + status + "\": give open, replaying, resolved or discarded");
  }
  for (const auto& [name, value] : {std::pair("--since", &since), std::pair("--until", &until)}) {
    if (!value->empty() && !ParseTime(*value, 0)) {
      problems.push_back(std::string(name) + " = \"" + *value + "\": " + std::string(kTimeRemedy));
    }
  }
  return problems;
}

}  // namespace keystrand::worker::op
