#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/core/owner.h"
#include "common/core/result.h"
#include "common/kafka/client_settings.h"

/// Owners of librdkafka's handles, and what its .cc files share. Included by this folder only.
namespace keystrand::kafka {

using ConfHandle = Owner<rd_kafka_conf_t, rd_kafka_conf_destroy>;
using ClientHandle = Owner<rd_kafka_t, rd_kafka_destroy>;
using QueueHandle = Owner<rd_kafka_queue_t, rd_kafka_queue_destroy>;
using EventHandle = Owner<rd_kafka_event_t, rd_kafka_event_destroy>;
using TopicHandle = Owner<rd_kafka_topic_t, rd_kafka_topic_destroy>;
using PartitionListHandle = Owner<rd_kafka_topic_partition_list_t, rd_kafka_topic_partition_list_destroy>;

using Properties = std::vector<std::pair<std::string, std::string>>;

/// A configuration of `settings` (pass-through first, then `fixed`, which wins). Errors: kRejected, naming the
/// property.
Result<ConfHandle> MakeConf(const ClientSettings& settings, const Properties& fixed);

/// Creates a client; takes `conf` over. Errors: kUnavailable or kRejected with librdkafka's reason.
Result<ClientHandle> MakeClient(rd_kafka_type_t type, ConfHandle conf);

/// What the caller can do about a librdkafka error.
ErrorCode ToErrorCode(rd_kafka_resp_err_t error);

/// `Fail` with the error's name, which is stable and carries no data.
tl::unexpected<Error> FailWith(rd_kafka_resp_err_t error, std::string_view what);

/// Committed offsets of the group that `consumer` is configured for, whether it has joined it or not, in the order of
/// `list`, a list of partitions; empty where there is none. Errors: those of the broker, with `what` they were asked
/// for.
Result<std::vector<std::optional<std::int64_t>>> AskCommitted(rd_kafka_t* consumer, PartitionListHandle list,
                                                              std::chrono::milliseconds timeout, std::string_view what);

/// An eventfd (non-blocking, close-on-exec) that librdkafka writes to when a queue turns non-empty.
class EventFd {
 public:
  EventFd();
  ~EventFd();
  EventFd(const EventFd&) = delete;
  EventFd& operator=(const EventFd&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  void Signal() const;
  void Clear() const;
  /// Waits until signalled, at most `timeout_ms`, and clears.
  void Wait(int timeout_ms) const;
  /// Signals this descriptor whenever `queue` turns from empty to non-empty.
  void Watch(rd_kafka_queue_t* queue) const;
  static void Unwatch(rd_kafka_queue_t* queue);

 private:
  int fd_;
};

}  // namespace keystrand::kafka
