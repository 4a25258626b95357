#include "tests/bench/prefill/received_record.h"

#include <array>
#include <cstdio>

#include "tests/bench/workload/digest.h"

namespace keystrand::bench {
namespace {

std::string HexNumber(std::size_t value, int digits) {
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%0*zx", digits, value);
  return text.data();
}

}  // namespace

ReceivedRecord RecordOf(const EventTemplate& event_template, const PlannedEvent& event, const RunIdentity& run,
                        std::chrono::system_clock::time_point received_at, std::size_t delivery) {
  std::string body = event_template.Render(event, run);
  const auto received_ms = std::chrono::floor<std::chrono::milliseconds>(received_at).time_since_epoch().count();
  Producer::Headers headers{
      {"event-id", event_template.EventId(event, run)},
      {"event-type", event_template.type()},
      {"received-at", std::to_string(received_ms)},
      {"request-id", HexNumber(delivery + 1, 32)},
      {"endpoint", "default"},
      {"expected-mode", "any"},
      {"body-sha256", Hex(Sha256(body))},
      {"signed-with", "primary"},
      {"traceparent", "00-" + HexNumber(delivery + 1, 32) + "-" + HexNumber(delivery + 1, 16) + "-01"}};
  return {"test/self/" + event_template.CustomerId(event, run), std::move(body), std::move(headers)};
}

}  // namespace keystrand::bench
