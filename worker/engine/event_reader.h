#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "worker/engine/item.h"

namespace keystrand::worker::engine {

/// Reads the item's event out of its record, and what its headers say beside: `replay` if it is one (what only looks
/// like one, with a header missing or a position that is none, is none), `replayed`, `trace_unreadable`. Views point
/// into the record. `partition_count`: of the events topic; a record whose key belongs elsewhere was not written by a
/// receiver. `own_account`: KEYSTRAND_ACCOUNT.
/// Errors, in the item: kMalformed, the detail names the fault, never a value. Thread-safe.
void ReadItem(Item& item, std::int32_t partition, std::int32_t partition_count, const std::string& own_account);

/// Likewise, of the headers and the key alone: id, type, scope and time of acceptance. False without them, and then the
/// item has no event.
bool ReadItemByHeaders(Item& item);

/// The second field of a W3C traceparent (version 00); empty if it cannot be read.
std::string_view TraceIdIn(std::string_view traceparent);

}  // namespace keystrand::worker::engine
