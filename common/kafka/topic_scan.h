#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "common/kafka/record_reader.h"

namespace keystrand::kafka {

/// Calls `each` once for every record that `topic` keeps, from the first to the end of each of its `partitions`; of one
/// partition in the order of offsets. In no group: nothing is committed. `timeout`: how long nothing may come. Returns
/// when all ends were reached; a record that is written meanwhile may be among them or not. One thread.
/// Errors: those of `each`, which end it; kUnavailable (no answer within `timeout`), kRejected.
Result<> ScanTopic(const ClientSettings& settings, const std::string& topic, std::int32_t partitions,
                   std::chrono::milliseconds timeout, const std::function<Result<>(StoredRecord)>& each);

}  // namespace keystrand::kafka
