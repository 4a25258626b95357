#include "common/kafka/producer.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <list>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "common/kafka/internal.h"

namespace keystrand::kafka {
namespace {

constexpr int kCloseTimeoutMs = 5000;

/// One client and what hangs on it, destroyed in the order librdkafka wants.
struct Client {
  ClientHandle handle;
  TopicHandle topic;
  QueueHandle reports;

  Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    if (reports) EventFd::Unwatch(reports.get());
  }
};

ProduceResult ResultOf(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return ProduceResult::kOk;
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT: return ProduceResult::kTimeout;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: return ProduceResult::kQueueFull;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE: return ProduceResult::kTooLarge;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED: return ProduceResult::kAuth;
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT: return ProduceResult::kFatal;
    default:
      return error > RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__TRANSPORT ? ProduceResult::kBroker
                                                                                         : ProduceResult::kOther;
  }
}

rd_kafka_headers_t* MakeHeaders(const std::vector<Header>& headers) {
  rd_kafka_headers_t* made = rd_kafka_headers_new(headers.size());
  for (const auto& header : headers) {
    rd_kafka_header_add(made, header.name.data(), static_cast<ssize_t>(header.name.size()), header.value.data(),
                        static_cast<ssize_t>(header.value.size()));
  }
  return made;
}

}  // namespace

class Producer::Impl {
 public:
  Impl(ProducerSettings settings, const Clock& clock, ProducerObserver* observer)
      : settings_(std::move(settings)), clock_(clock), observer_(observer) {}

  Result<> Open() {
    auto client = MakeProducer();
    if (!client) return Fail(client.error());
    const std::lock_guard lock(mutex_);
    current_ = std::move(*client);
    return {};
  }

  void Close() {
    if (!Flush(std::chrono::milliseconds(kCloseTimeoutMs))) {
      const auto client = Current();
      rd_kafka_purge(client->handle.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
      Flush(std::chrono::milliseconds(kCloseTimeoutMs));
    }
  }

  void Publish(OutgoingRecord record, DeliveryCallback on_delivered) {
    auto pending = std::make_unique<Pending>();
    pending->record = std::move(record);
    pending->on_delivered = std::move(on_delivered);
    pending->produced_at = clock_.Steady();
    Pending* const raw = pending.get();
    const auto client = Register(std::move(pending));
    const auto error = Produce(*client, *raw);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    if (error == RD_KAFKA_RESP_ERR__FATAL) wake_.Signal();  // a rebuild that failed is tried again
    Report({{raw, error, {}}});
  }

  [[nodiscard]] int fd() const { return wake_.get(); }

  void Serve(int timeout_ms) {
    if (timeout_ms > 0) wake_.Wait(timeout_ms);
    wake_.Clear();  // before draining: a signal that comes meanwhile is seen at the next call
    Drain(*Current());
    DrainRetired();
    if (fatal_) Rebuild();
  }

  bool Flush(std::chrono::milliseconds timeout) {
    const auto deadline = clock_.Steady() + timeout;
    while (InFlight().records > 0 && clock_.Steady() < deadline) {
      rd_kafka_flush(Current()->handle.get(), 0);  // skips linger
      Serve(10);
    }
    return InFlight().records == 0;
  }

  [[nodiscard]] std::optional<std::chrono::nanoseconds> Oldest() const {
    const auto now = clock_.Steady();
    std::optional<std::chrono::nanoseconds> oldest;
    const std::lock_guard lock(mutex_);
    for (const auto& [partition, records] : in_flight_) {
      if (!records.empty()) oldest = std::max(oldest, std::optional(Age(records, now)));  // an empty optional is least
    }
    return oldest;
  }

  [[nodiscard]] std::optional<std::chrono::nanoseconds> Oldest(std::int32_t partition) const {
    const auto now = clock_.Steady();
    const std::lock_guard lock(mutex_);
    const auto found = in_flight_.find(partition);
    if (found == in_flight_.end() || found->second.empty()) return std::nullopt;
    return Age(found->second, now);
  }

  [[nodiscard]] Backlog InFlight() const {
    return {records_.load(std::memory_order_relaxed), bytes_.load(std::memory_order_relaxed)};
  }

 private:
  struct Pending;
  using Records = std::list<std::unique_ptr<Pending>>;  // oldest first
  struct Pending {
    OutgoingRecord record;
    DeliveryCallback on_delivered;
    std::chrono::steady_clock::time_point produced_at;
    Records::iterator place;
    [[nodiscard]] std::size_t bytes() const { return record.key.size() + record.value.size(); }
  };

  static std::chrono::nanoseconds Age(const Records& records, std::chrono::steady_clock::time_point now) {
    return now - records.front()->produced_at;
  }

  Result<std::shared_ptr<Client>> MakeProducer() {
    auto conf =
        MakeConf(settings_.client, {{"enable.idempotence", "true"},
                                    {"acks", "all"},
                                    {"linger.ms", LingerMs()},
                                    {"message.max.bytes", std::to_string(settings_.record_bytes_max)},
                                    {"batch.size", BatchSize()},
                                    {"queue.buffering.max.kbytes", std::to_string(settings_.queue_bytes_max / 1024)}});
    if (!conf) return Fail(conf.error());
    rd_kafka_conf_set_events(conf->get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_STATS);
    auto handle = MakeClient(RD_KAFKA_PRODUCER, std::move(*conf));
    if (!handle) return Fail(handle.error());
    auto client = std::make_shared<Client>();
    client->handle = std::move(*handle);
    client->topic.reset(rd_kafka_topic_new(client->handle.get(), settings_.topic.c_str(), nullptr));
    client->reports.reset(rd_kafka_queue_get_main(client->handle.get()));
    wake_.Watch(client->reports.get());
    wake_.Signal();  // for what came before: a queue that is not empty signals no more, and nobody would empty it
    return client;
  }

  /// None, unless passed through: librdkafka's wait is a millisecond at least, however short it was asked for, which a
  /// sender pays with each answer. Under load records gather by themselves, while requests are under way.
  [[nodiscard]] std::string LingerMs() const {
    const auto set = settings_.client.properties.find("linger.ms");
    return set == settings_.client.properties.end() ? "0" : set->second;
  }

  /// Smaller if passed through so; a record that is larger travels alone.
  [[nodiscard]] std::string BatchSize() const {
    const auto set = settings_.client.properties.find("batch.size");
    const auto wanted =
        set == settings_.client.properties.end() ? settings_.batch_bytes_max : std::atoll(set->second.c_str());
    return std::to_string(std::min<std::int64_t>(wanted, settings_.batch_bytes_max));
  }

  [[nodiscard]] std::shared_ptr<Client> Current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }

  /// Takes the record into what is in flight; returns the client that it goes through.
  std::shared_ptr<Client> Register(std::unique_ptr<Pending> pending) {
    bytes_.fetch_add(pending->bytes(), std::memory_order_relaxed);
    records_.fetch_add(1, std::memory_order_relaxed);
    Pending& registered = *pending;
    const std::lock_guard lock(mutex_);
    Records& records = in_flight_[registered.record.partition];
    registered.place = records.insert(records.end(), std::move(pending));
    return current_;
  }

  static rd_kafka_resp_err_t Produce(const Client& client, Pending& pending) {
    OutgoingRecord& record = pending.record;
    rd_kafka_headers_t* const headers = MakeHeaders(record.headers);
    std::array<rd_kafka_vu_t, 6> fields{};
    fields[0] = {RD_KAFKA_VTYPE_RKT, {.rkt = client.topic.get()}};
    fields[1] = {RD_KAFKA_VTYPE_PARTITION, {.i32 = record.partition}};
    fields[2] = {RD_KAFKA_VTYPE_KEY, {.mem = {record.key.data(), record.key.size()}}};
    fields[3] = {RD_KAFKA_VTYPE_VALUE, {.mem = {record.value.data(), record.value.size()}}};
    fields[4] = {RD_KAFKA_VTYPE_HEADERS, {.headers = headers}};
    fields[5] = {RD_KAFKA_VTYPE_OPAQUE, {.ptr = &pending}};
    rd_kafka_error_t* const error = rd_kafka_produceva(client.handle.get(), fields.data(), fields.size());
    if (error == nullptr)
      return RD_KAFKA_RESP_ERR_NO_ERROR;  // librdkafka owns the headers, and the opaque until it reports
    const auto code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    rd_kafka_headers_destroy(headers);
    return code;
  }

  void Drain(const Client& client) {
    while (const EventHandle event{rd_kafka_queue_poll(client.reports.get(), 0)}) Handle(client, event.get());
  }

  void Handle(const Client& client, rd_kafka_event_t* event) {
    switch (rd_kafka_event_type(event)) {
      case RD_KAFKA_EVENT_DR: Report(ReportsOf(event)); break;
      case RD_KAFKA_EVENT_ERROR: HandleError(client, event); break;
      case RD_KAFKA_EVENT_STATS:
        if (observer_ != nullptr) observer_->OnStatistics(rd_kafka_event_stats(event));
        break;
      default: break;
    }
  }

  void HandleError(const Client& client, rd_kafka_event_t* event) {
    const auto error = rd_kafka_event_error(event);  // of a fatal one, the code beneath: never ERR__FATAL itself
    const bool fatal = rd_kafka_event_error_is_fatal(event) != 0;
    if (observer_ != nullptr)
      observer_->OnClientError(rd_kafka_err2name(error), rd_kafka_event_error_string(event), fatal);
    fatal_ = fatal_ || (fatal && client.handle == Current()->handle);
  }

  /// What became of one record.
  struct DeliveryReport {
    Pending* pending;
    rd_kafka_resp_err_t error;
    Position position;
  };

  static std::vector<DeliveryReport> ReportsOf(rd_kafka_event_t* event) {
    std::vector<DeliveryReport> reports;
    reports.reserve(rd_kafka_event_message_count(event));
    while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event)) {
      reports.push_back(
          {static_cast<Pending*>(message->_private), message->err, {message->partition, message->offset}});
    }
    return reports;
  }

  /// All that came together at once, so that the lock is taken once.
  void Report(const std::vector<DeliveryReport>& reports) {
    Records reported;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& report : reports) {
        reported.splice(reported.end(), in_flight_[report.pending->record.partition], report.pending->place);
      }
    }
    for (const auto& report : reports) Conclude(report);
  }

  void Conclude(const DeliveryReport& report) {
    Pending& pending = *report.pending;
    bytes_.fetch_sub(pending.bytes(), std::memory_order_relaxed);
    records_.fetch_sub(1, std::memory_order_relaxed);
    if (observer_ != nullptr) observer_->OnProduced(ResultOf(report.error), clock_.Steady() - pending.produced_at);
    if (report.error == RD_KAFKA_RESP_ERR_NO_ERROR) return pending.on_delivered(report.position);
    pending.on_delivered(FailWith(report.error, "produce"));
  }

  /// The old client's records are reported as failed; its callbacks still come through its own queue.
  void Rebuild() {
    auto fresh = MakeProducer();
    if (!fresh) return;  // tried again at the next call: until then every Publish fails
    fatal_ = false;
    std::shared_ptr<Client> old;
    {
      const std::lock_guard lock(mutex_);
      old = std::exchange(current_, std::move(*fresh));
    }
    rd_kafka_purge(old->handle.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    retired_.push_back(std::move(old));
    wake_.Signal();
  }

  void DrainRetired() {
    for (const auto& client : retired_) Drain(*client);
    std::erase_if(retired_, [](const auto& client) {
      return client.use_count() == 1 && rd_kafka_outq_len(client->handle.get()) == 0;
    });
  }

  ProducerSettings settings_;
  const Clock& clock_;
  ProducerObserver* observer_;
  EventFd wake_;
  mutable std::mutex mutex_;
  std::shared_ptr<Client> current_;            // guarded by mutex_
  std::map<std::int32_t, Records> in_flight_;  // guarded by mutex_; by partition
  std::atomic<std::size_t> records_ = 0;
  std::atomic<std::size_t> bytes_ = 0;
  std::vector<std::shared_ptr<Client>> retired_;  // serving thread only
  bool fatal_ = false;                            // serving thread only
};

Producer::Producer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Producer::~Producer() { impl_->Close(); }

Result<std::unique_ptr<Producer>> Producer::Create(ProducerSettings settings, const Clock& clock,
                                                   ProducerObserver* observer) {
  if (auto checked = CheckProperties(settings.client); !checked) return Fail(checked.error());
  auto impl = std::make_unique<Impl>(std::move(settings), clock, observer);
  if (auto opened = impl->Open(); !opened) return Fail(opened.error());
  return std::unique_ptr<Producer>(new Producer(std::move(impl)));
}

void Producer::Publish(OutgoingRecord record, DeliveryCallback on_delivered) {
  impl_->Publish(std::move(record), std::move(on_delivered));
}
int Producer::delivery_fd() const { return impl_->fd(); }
void Producer::ServeDeliveries() { impl_->Serve(0); }
void Producer::ServeFor(std::chrono::milliseconds timeout) { impl_->Serve(static_cast<int>(timeout.count())); }
std::optional<std::chrono::nanoseconds> Producer::OldestUnacknowledged() const { return impl_->Oldest(); }
std::optional<std::chrono::nanoseconds> Producer::OldestUnacknowledged(std::int32_t partition) const {
  return impl_->Oldest(partition);
}
Producer::Backlog Producer::InFlight() const { return impl_->InFlight(); }
bool Producer::Flush(std::chrono::milliseconds timeout) { return impl_->Flush(timeout); }

}  // namespace keystrand::kafka
