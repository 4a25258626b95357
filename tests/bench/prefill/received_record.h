#pragma once

#include <chrono>
#include <string>

#include "tests/bench/prefill/producer.h"
#include "tests/bench/workload/event_template.h"

namespace keystrand::bench {

/// What the receiver writes for one delivery: key, body and headers (schemas/records/). Made here a second time and not
/// by the receiver's own code, so that the worker is measured on records that meet the contract, not on what we emit.
struct ReceivedRecord {
  std::string key;
  std::string body;
  Producer::Headers headers;
};

/// The record of `event` in test mode without Connect, as accepted at `received_at`; `delivery` numbers the request.
ReceivedRecord RecordOf(const EventTemplate& event_template, const PlannedEvent& event, const RunIdentity& run,
                        std::chrono::system_clock::time_point received_at, std::size_t delivery);

}  // namespace keystrand::bench
