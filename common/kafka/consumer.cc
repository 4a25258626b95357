#include "common/kafka/consumer.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <map>
#include <utility>

#include "common/kafka/fetch_position.h"
#include "common/kafka/internal.h"

namespace keystrand::kafka {
namespace {

/// 8 MiB prefetched per partition: a second's worth at 100 MiB/s over 12 partitions, since librdkafka 2.0.2 looks at a
/// drained queue again only after up to 1 s; and 12 of them stay well under the worker's memory bound.
constexpr const char* kPrefetchKbytes = "8192";
/// A response with records of many partitions stays in memory until the slowest of them is read: with librdkafka's 50
/// MiB a drain held 140 MiB of such. With 1 MiB it has one partition's records, as a rule; a larger record still comes.
constexpr const char* kFetchBytes = "1048576";
constexpr std::chrono::seconds kLeaveTimeout{15};
constexpr std::chrono::seconds kCloseTimeout{5};
constexpr int kLeavePollMs = 50;
constexpr int kCommitTimeoutMs = 5000;
constexpr int kHeartbeatMs = 1000;

std::vector<std::int32_t> PartitionsOf(const rd_kafka_topic_partition_list_t* list) {
  std::vector<std::int32_t> partitions;
  for (int i = 0; i < list->cnt; ++i) partitions.push_back(list->elems[i].partition);
  return partitions;
}

}  // namespace

class Consumer::Impl {
 public:
  Impl(ConsumerSettings settings, RebalanceListener& listener, ConsumerObserver* observer)
      : settings_(std::move(settings)), listener_(listener), observer_(observer) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  ~Impl() {
    if (!client_) return;
    Close();
    EventFd::Unwatch(group_queue_.get());
    if (rd_kafka_consumer_closed(client_.get()) == 1) return;
    group_queue_.reset();
    rd_kafka_destroy_flags(client_.release(), RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);  // the group finds out by itself
  }

  /// Leaves the group first and serves what the group still has to say: on librdkafka 2.0.2 a rebalance that is served
  /// from within rd_kafka_consumer_close can wait for ever in rd_kafka_assign.
  void Close() {
    if (std::exchange(closed_, true)) return;
    Unsubscribe();
    const auto deadline = std::chrono::steady_clock::now() + kLeaveTimeout;
    do {
      if (auto* message = rd_kafka_consumer_poll(client_.get(), kLeavePollMs)) rd_kafka_message_destroy(message);
    } while (HasAssignment() && std::chrono::steady_clock::now() < deadline);
    CloseGroup();
    DropAssigned();
  }

  /// rd_kafka_consumer_close itself waits for as long as a coordinator does not answer.
  void CloseGroup() {
    const QueueHandle queue(rd_kafka_queue_new(client_.get()));
    const auto deadline = std::chrono::steady_clock::now() + kCloseTimeout;
    if (auto* const error = rd_kafka_consumer_close_queue(client_.get(), queue.get())) rd_kafka_error_destroy(error);
    while (rd_kafka_consumer_closed(client_.get()) == 0 && std::chrono::steady_clock::now() < deadline) {
      rd_kafka_queue_poll_callback(queue.get(), kLeavePollMs);
    }
  }

  Result<> Open() {
    auto conf = MakeConf(settings_.client, {{"group.id", settings_.group},
                                            {"enable.auto.commit", "false"},
                                            {"enable.auto.offset.store", "false"},
                                            {"auto.offset.reset", "error"},
                                            {"check.crcs", "true"},
                                            {"isolation.level", "read_committed"},
                                            {"partition.assignment.strategy", "range"},
                                            {"heartbeat.interval.ms", HeartbeatMs()},
                                            {"queued.min.messages", "100000"},
                                            {"queued.max.messages.kbytes", kPrefetchKbytes},
                                            {"fetch.max.bytes", kFetchBytes}});
    if (!conf) return Fail(conf.error());
    SetCallbacks(conf->get());
    auto client = MakeClient(RD_KAFKA_CONSUMER, std::move(*conf));
    if (!client) return Fail(client.error());
    client_ = std::move(*client);
    rd_kafka_poll_set_consumer(client_.get());
    group_queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
    wake_.Watch(group_queue_.get());
    return {};
  }

  /// Unless passed through, each second, or more often in a short session: the next heartbeat tells the living of the
  /// dead, and a takeover waits for it.
  [[nodiscard]] std::string HeartbeatMs() const {
    const auto& properties = settings_.client.properties;
    if (const auto set = properties.find("heartbeat.interval.ms"); set != properties.end()) return set->second;
    const auto session = properties.find("session.timeout.ms");
    if (session == properties.end()) return std::to_string(kHeartbeatMs);
    return std::to_string(std::clamp(std::atoi(session->second.c_str()) / 3, 1, kHeartbeatMs));
  }

  Result<> Subscribe() {
    const PartitionListHandle topics(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(topics.get(), settings_.topic.c_str(), RD_KAFKA_PARTITION_UA);
    const auto error = rd_kafka_subscribe(client_.get(), topics.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return FailWith(error, "subscribe");
    return {};
  }

  void Unsubscribe() {
    if (std::exchange(awaiting_assign_, false)) {
      DropAssigned();
      rd_kafka_assign(client_.get(), nullptr);
    }
    rd_kafka_unsubscribe(client_.get());
  }

  bool Poll(std::chrono::milliseconds timeout) {
    wake_.Wait(static_cast<int>(timeout.count()));
    while (rd_kafka_message_t* message = rd_kafka_consumer_poll(client_.get(), 0)) HandleGroupMessage(message);
    return !FatalError();
  }

  [[nodiscard]] std::optional<Error> FatalError() const {
    std::array<char, 512> reason{};
    const auto error = rd_kafka_fatal_error(client_.get(), reason.data(), reason.size());
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
    const auto code = error == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID ? ErrorCode::kConflict : ErrorCode::kUnavailable;
    return Error{code, std::string(rd_kafka_err2name(error)) + ": " + reason.data()};
  }

  void Wake() const { wake_.Signal(); }

  Result<> Assign(const std::vector<StartPosition>& positions) {
    if (!awaiting_assign_) return Fail(ErrorCode::kConflict, "the assignment was revoked meanwhile");
    const PartitionListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(positions.size())));
    for (const auto& position : positions) {
      auto* entry = rd_kafka_topic_partition_list_add(list.get(), settings_.topic.c_str(), position.partition);
      entry->offset = position.offset == StartPosition::kBeginning ? RD_KAFKA_OFFSET_BEGINNING : position.offset;
      if (!Open(position)) return Fail(ErrorCode::kUnavailable, "partition not known yet");
    }
    awaiting_assign_ = false;
    const auto error = rd_kafka_assign(client_.get(), list.get());
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return FailWith(error, "assign");
    return {};
  }

  std::optional<ConsumedRecord> Next(std::int32_t partition) {
    const auto found = assigned_.find(partition);
    if (found == assigned_.end()) return std::nullopt;
    while (rd_kafka_message_t* message = Take(found->second)) {
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        HandleError(message);
        continue;
      }
      std::optional<ConsumedRecord> record;
      if (found->second.position.Take(message->offset)) record.emplace(*message);
      rd_kafka_message_destroy(message);
      if (record) return record;
    }
    return std::nullopt;
  }

  void CommitAsync(const std::vector<Position>& next_offsets) {
    const auto list = ListOf(next_offsets);
    const auto error = rd_kafka_commit(client_.get(), list.get(), 1);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR && observer_ != nullptr)
      observer_->OnCommitted(false, rd_kafka_err2name(error));
  }

  Result<> CommitSync(const std::vector<Position>& next_offsets) {
    const auto list = ListOf(next_offsets);
    const QueueHandle answers(rd_kafka_queue_new(client_.get()));  // without one, librdkafka waits as long as it takes
    auto error = rd_kafka_commit_queue(client_.get(), list.get(), answers.get(), nullptr, nullptr);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const EventHandle answer(rd_kafka_queue_poll(answers.get(), kCommitTimeoutMs));
      error = answer ? rd_kafka_event_error(answer.get()) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    const bool taken = error == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || error == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
                       error == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ||
                       error == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
    return Fail(taken ? ErrorCode::kConflict : ErrorCode::kUnavailable,
                std::string("commit: ") + rd_kafka_err2name(error));
  }

  Result<std::vector<std::optional<std::int64_t>>> Committed(const std::vector<std::int32_t>& partitions,
                                                             std::chrono::milliseconds timeout) const {
    PartitionListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
    for (const auto partition : partitions) {
      rd_kafka_topic_partition_list_add(list.get(), settings_.topic.c_str(), partition);
    }
    return AskCommitted(client_.get(), std::move(list), timeout, "committed offsets");
  }

 private:
  void SetCallbacks(rd_kafka_conf_t* conf) {
    rd_kafka_conf_set_opaque(conf, this);
    rd_kafka_conf_set_rebalance_cb(
        conf, [](rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* partitions, void* self) {
          static_cast<Impl*>(self)->OnRebalance(error, PartitionsOf(partitions));
        });
    rd_kafka_conf_set_offset_commit_cb(
        conf, [](rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t*, void* self) {
          auto* const observer = static_cast<Impl*>(self)->observer_;
          const bool ok = error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__NO_OFFSET;
          if (observer != nullptr) observer->OnCommitted(ok, rd_kafka_err2name(error));
        });
    rd_kafka_conf_set_error_cb(conf, [](rd_kafka_t*, int error, const char* reason, void* self) {
      auto* const observer = static_cast<Impl*>(self)->observer_;
      const auto code = static_cast<rd_kafka_resp_err_t>(error);
      if (observer != nullptr) {
        observer->OnClientError(rd_kafka_err2name(code), reason, code == RD_KAFKA_RESP_ERR__FATAL);
      }
    });
    rd_kafka_conf_set_stats_cb(conf, [](rd_kafka_t*, char* json, std::size_t size, void* self) {
      auto* const observer = static_cast<Impl*>(self)->observer_;
      if (observer != nullptr) observer->OnStatistics({json, size});
      return 0;  // librdkafka frees it
    });
  }

  [[nodiscard]] bool HasAssignment() const {
    rd_kafka_topic_partition_list_t* assigned = nullptr;
    if (rd_kafka_assignment(client_.get(), &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
    return PartitionListHandle(assigned)->cnt > 0;
  }

  void OnRebalance(rd_kafka_resp_err_t error, const std::vector<std::int32_t>& partitions) {
    if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
      if (closed_) return (void)rd_kafka_assign(client_.get(), nullptr);  // came too late
      awaiting_assign_ = true;
      return listener_.OnAssigned(partitions);
    }
    const bool lost = rd_kafka_assignment_lost(client_.get()) != 0;
    listener_.OnRevoked(partitions, lost);
    DropAssigned();
    awaiting_assign_ = false;
    rd_kafka_assign(client_.get(), nullptr);
  }

  struct Assigned {
    QueueHandle queue;  ///< the partition's own
    FetchPosition position;
    std::deque<rd_kafka_message_t*> early{};  ///< came by way of the group's queue; before what `queue` holds
  };

  /// Cuts the partition's queue off the group's; before the assignment starts the fetch.
  bool Open(const StartPosition& start) {
    const auto found = assigned_.find(start.partition);
    if (found != assigned_.end()) {
      found->second.position = FetchPosition(start.offset);
      return true;
    }
    QueueHandle queue(rd_kafka_queue_get_partition(client_.get(), settings_.topic.c_str(), start.partition));
    if (!queue) return false;
    rd_kafka_queue_forward(queue.get(), nullptr);
    wake_.Watch(queue.get());
    assigned_.emplace(start.partition, Assigned{std::move(queue), FetchPosition(start.offset)});
    return true;
  }

  void DropAssigned() {
    for (const auto& [partition, assigned] : assigned_) {
      EventFd::Unwatch(assigned.queue.get());
      rd_kafka_queue_forward(assigned.queue.get(), group_queue_.get());
      for (rd_kafka_message_t* const message : assigned.early) rd_kafka_message_destroy(message);
    }
    assigned_.clear();
  }

  /// Records have their own queues, so only errors should come here. A record that still does, of a partition that is
  /// assigned, came before its queue was cut off: it is kept in front of that queue (librdkafka has already dropped
  /// what an earlier assignment prefetched).
  void HandleGroupMessage(rd_kafka_message_t* message) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) return HandleError(message);
    const auto found = assigned_.find(message->partition);
    if (found == assigned_.end()) return rd_kafka_message_destroy(message);
    found->second.early.push_back(message);
  }

  static rd_kafka_message_t* Take(Assigned& from) {
    if (from.early.empty()) return rd_kafka_consume_queue(from.queue.get(), 0);
    rd_kafka_message_t* const first = from.early.front();
    from.early.pop_front();
    return first;
  }

  void HandleError(rd_kafka_message_t* message) {
    if (observer_ != nullptr) {
      if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
          message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
        observer_->OnPositionOutsideLog(message->partition);
      }
      observer_->OnClientError(rd_kafka_err2name(message->err), rd_kafka_message_errstr(message), false);
    }
    rd_kafka_message_destroy(message);
  }

  [[nodiscard]] PartitionListHandle ListOf(const std::vector<Position>& next_offsets) const {
    PartitionListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(next_offsets.size())));
    for (const auto& position : next_offsets) {
      rd_kafka_topic_partition_list_add(list.get(), settings_.topic.c_str(), position.partition)->offset =
          position.offset;
    }
    return list;
  }

  ConsumerSettings settings_;
  RebalanceListener& listener_;
  ConsumerObserver* observer_;
  EventFd wake_;
  ClientHandle client_;
  QueueHandle group_queue_;
  std::map<std::int32_t, Assigned> assigned_;
  bool awaiting_assign_ = false;
  bool closed_ = false;
};

Consumer::Consumer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Consumer::~Consumer() = default;

Result<std::unique_ptr<Consumer>> Consumer::Create(const ConsumerSettings& settings, RebalanceListener& listener,
                                                   ConsumerObserver* observer) {
  if (auto checked = CheckProperties(settings.client); !checked) return Fail(checked.error());
  auto impl = std::make_unique<Impl>(settings, listener, observer);
  if (auto opened = impl->Open(); !opened) return Fail(opened.error());
  return std::unique_ptr<Consumer>(new Consumer(std::move(impl)));
}

Result<> Consumer::Subscribe() { return impl_->Subscribe(); }
void Consumer::Close() { impl_->Close(); }
void Consumer::Unsubscribe() { impl_->Unsubscribe(); }
bool Consumer::Poll(std::chrono::milliseconds timeout) { return impl_->Poll(timeout); }
std::optional<Error> Consumer::FatalError() const { return impl_->FatalError(); }
void Consumer::Wake() const { impl_->Wake(); }
Result<> Consumer::Assign(const std::vector<StartPosition>& positions) { return impl_->Assign(positions); }
std::optional<ConsumedRecord> Consumer::Next(std::int32_t partition) { return impl_->Next(partition); }
void Consumer::CommitAsync(const std::vector<Position>& next_offsets) { impl_->CommitAsync(next_offsets); }
Result<> Consumer::CommitSync(const std::vector<Position>& next_offsets) { return impl_->CommitSync(next_offsets); }
Result<std::vector<std::optional<std::int64_t>>> Consumer::Committed(const std::vector<std::int32_t>& partitions,
                                                                     std::chrono::milliseconds timeout) const {
  return impl_->Committed(partitions, timeout);
}

}  // namespace keystrand::kafka
