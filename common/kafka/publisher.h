#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/core/result.h"

namespace keystrand::kafka {

/// One record header. Names: common/kafka/record_headers.h. Values are UTF-8 text.
struct Header {
  std::string_view name;  ///< must outlive the call to Publish: a constant
  std::string value;
};

/// A record to produce. Owns its bytes; `value` is handed to the client library without a copy.
struct OutgoingRecord {
  std::int32_t partition = 0;  ///< PartitionOf(key, partition count): common/kafka/partitioner.h
  std::string key;
  std::string value;
  std::vector<Header> headers;
};

/// Where a record came to lie.
struct Position {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
};

/// Called exactly once per Publish, on the thread that serves delivery reports (or inside Publish when the record is
/// refused at once). Success means: every in-sync replica has the record (acks=all).
/// Errors: kUnavailable (queue full, broker away, timeout, fatal client error), kRejected (too large), kInternal.
using DeliveryCallback = std::function<void(Result<Position>)>;

/// Writes records to one topic. Implementations are thread-safe.
class Publisher {
 public:
  virtual ~Publisher() = default;
  virtual void Publish(OutgoingRecord record, DeliveryCallback on_delivered) = 0;
};

}  // namespace keystrand::kafka
