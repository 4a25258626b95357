#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/core/result.h"
#include "worker/engine/item.h"
#include "worker/engine/source_record.h"
#include "worker/handlers/event.h"

namespace keystrand::worker::engine {

/// Reads the event out of a record. Views point into the record. `partition_count`: of the events topic; a record whose
/// key belongs elsewhere was not written by a receiver. `own_account`: KEYSTRAND_ACCOUNT.
/// Errors: kMalformed, the detail names the fault, never a value. Thread-safe.
Result<handlers::Event> ReadEvent(const SourceRecord& record, std::int32_t partition, std::int32_t partition_count,
                                  const std::string& own_account);

/// An event of which only the headers and the key were read: id, type, scope and time of acceptance. Empty without
/// them.
std::optional<handlers::Event> EventOfHeaders(const SourceRecord& record);

/// What the headers of a replay say; empty if the record is none. What only looks like one (a header missing, a
/// position that is none) is none.
std::optional<Replay> ReadReplay(const SourceRecord& record);

}  // namespace keystrand::worker::engine
